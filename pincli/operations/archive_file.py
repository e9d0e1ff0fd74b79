"""Archived events in a file of JSON lines, with everything that is needed to check them.

The first line holds the store's id, the number of the first event and the link before it; the
last line seals the trail up to the last event. Between them are the events in order, one a line:
those of schema 1 as their table had them, then the others with their free texts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from pincli.errors import FileUnreadable, Refused, Rule
from pincli.files import open_plain
from pincli.models import Start, Texts, TrailEvent
from pincli.operations.output_file import OutputFile
from pincli.results import Event
from pincli.store.questions import OldEvent

_FORMAT = "pincli_archive"
_LONGEST_LINE = 65_536
_PAGE = 500
_NOTE = re.compile(r"([0-9]+) to ([0-9]+), sha256 ([0-9a-f]{64}), epoch ([0-9]+)", re.ASCII)
_BYTES = frozenset({"uid", "texts", "record", "link", "seal", "blind"})


class Piece(NamedTuple):
    """Events that were archived together.

    Attributes:
        first: The first event's number.
        last: The last event's number.
        digest: SHA-256 of the file, hexadecimal.
        epoch: The store's epoch then; the event that began it may be archived here.
    """

    first: int
    last: int
    digest: str
    epoch: int

    def note(self) -> str:
        """Return the note of the `archived` event."""
        return f"{self.first} to {self.last}, sha256 {self.digest}, epoch {self.epoch}"

    @classmethod
    def in_note(cls, note: str | None) -> Piece | None:
        """Parse the note of an `archived` event; None if it is not such a note."""
        found = _NOTE.fullmatch(note or "")
        return found and cls(int(found[1]), int(found[2]), found[3], int(found[4]))


class Page(NamedTuple):
    """Consecutive events: either of schema 1, or later ones with their texts."""

    old: Sequence[OldEvent]
    events: Sequence[TrailEvent]
    texts: dict[int, Texts]


class ArchiveWriter(OutputFile):
    """A file of events that is being written.

    A FILE.part that a killed run of the same store left is written again from the start: the
    store still has its events.

    Attributes:
        digest: SHA-256 of what was written.
    """

    def __init__(self, path: Path, store_id: str, *, forbidden: Iterable[Path]) -> None:
        self._store_id = store_id
        self.digest = hashlib.sha256()
        super().__init__(path, forbidden=forbidden)

    def begin_at(self, first: int, before: bytes) -> None:
        """Make FILE.part for the events from a number on, after a link."""
        facts = {_FORMAT: 1, "store": self._store_id, "first": first, "before": before.hex()}
        self.begin(_line(facts))

    def write(self, lines: Sequence[bytes]) -> list[tuple[int, int]]:
        """Write lines, and digest them."""
        places = super().write(lines)
        self.digest.update(b"".join(lines))
        return places

    def take(self, page: Page) -> None:
        """Write events, durably."""
        lines = [_line(dict(zip(Event._fields, row, strict=True))) for row in page.old]
        for event in page.events:
            facts = _facts(event)
            texts = page.texts.get(event.number)
            if texts is not None:
                facts["free"] = _facts(texts)
            lines.append(_line(facts))
        self.write(lines)

    def end(self, seal: Start) -> None:
        """Write the seal, and turn FILE.part into FILE."""
        self.write([_line({"last": seal.number, **_facts(seal)})])
        self.finish()

    def _meet_part(self) -> None:
        ours = _line({_FORMAT: 1, "store": self._store_id})[:-2]
        with open(open_plain(self.part), "rb") as file:
            begun = file.read(len(ours))
        if not ours.startswith(begun):  # after a power cut it may be shorter
            raise Refused(Rule.FILE_EXISTS, str(self.part))
        self.part.unlink()


class Archive:
    """A file of archived events, open.

    Attributes:
        path: The file.
        store_id: The id of the events' store.
        first: The number of the first event.
        before: The link before it.
        is_old: Whether the first event is of schema 1.
        seal: The last line, after all events are read.
        digest: SHA-256 of what was read.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and read its first line.

        Raises:
            FileUnreadable: It can't be read, or is not one of `audit archive`.
        """
        self.path = path
        self.digest = hashlib.sha256()
        self.seal: Start | None = None
        try:
            self._file: BinaryIO = open(open_plain(path), "rb")  # noqa: SIM115
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a file name"
            raise FileUnreadable(f"{path}: {reason}") from None
        self._number = 0
        try:
            facts = self._next()
            try:
                if facts[_FORMAT] != 1:
                    raise ValueError(facts)
                self.store_id, self.first = str(facts["store"]), int(facts["first"])
                self.before = bytes.fromhex(facts["before"])
            except (KeyError, TypeError, ValueError):
                raise self._bad() from None
            self._ahead = self._next()
        except BaseException:
            self._file.close()
            raise
        self.is_old = "mac" in self._ahead

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def pages(self) -> Iterator[Page]:
        """Read the events, page by page.

        Raises:
            FileUnreadable: The file is cut off, or a line is not one of ours.
        """
        while "last" not in self._ahead:
            page = Page([], [], {})
            is_old = "mac" in self._ahead
            while "last" not in self._ahead and ("mac" in self._ahead) == is_old:
                try:
                    self._read_into(page)
                except (KeyError, TypeError, ValueError, AttributeError):
                    raise self._bad() from None
                self._ahead = self._next()
                if len(page.old) + len(page.events) == _PAGE:
                    break
            yield page
        try:
            self.seal = Start(*(_decoded(self._ahead, name) for name in Start._fields))
        except (KeyError, TypeError, ValueError):
            raise self._bad() from None
        if self._file.read(1):
            raise self._bad()

    def piece(self, epoch: int) -> Piece:
        """Return what the `archived` event is to say, after all events are read."""
        if self.seal is None:
            raise RuntimeError("the file was not read to its end")
        return Piece(self.first, self.seal.number, self.digest.hexdigest(), epoch)

    def _read_into(self, page: Page) -> None:
        facts = self._ahead
        if "mac" in facts:
            cast("list[OldEvent]", page.old).append(tuple(facts[name] for name in Event._fields))
            return
        event = TrailEvent._make(_decoded(facts, name) for name in TrailEvent._fields)
        cast("list[TrailEvent]", page.events).append(event)
        if "free" in facts:
            page.texts[event.number] = Texts._make(
                _decoded(facts["free"], name) for name in Texts._fields
            )

    def _next(self) -> dict[str, Any]:
        try:
            line = self._file.readline(_LONGEST_LINE)
        except OSError as error:
            raise FileUnreadable(f"{self.path}: {error.strerror}") from None
        self._number += 1
        self.digest.update(line)
        try:
            facts = json.loads(line.decode())
        except (ValueError, RecursionError):
            raise self._bad() from None
        if not isinstance(facts, dict):
            raise self._bad()
        return facts

    def _bad(self) -> FileUnreadable:
        return FileUnreadable(f"{self.path}, line {self._number}: not a whole archive")


def _facts(row: TrailEvent | Texts | Start) -> dict[str, object]:
    """The fields of a row that are not NULL, with bytes in hexadecimal."""
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in row._asdict().items()
        if value is not None
    }


def _decoded(facts: dict[str, Any], name: str) -> Any:
    value = facts.get(name)
    return bytes.fromhex(value) if name in _BYTES and value is not None else value


def _line(facts: dict[str, object]) -> bytes:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
