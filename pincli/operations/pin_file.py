"""The file that hands new PINs over: complete or absent, and never a PIN that nobody has.

One file goes through three names, and each name that it gets says what is true by then:

    what lies there             what it means                     the same command again
    --------------------------  --------------------------------  ---------------------------
    nothing                     nothing has begun                 begins
    FILE.part.new               half-written, no PIN of it counts begins, over it
    FILE.part                   whole and synced; the store marks keeps all PINs in it, and
                                whose PIN of it counts            gives the others theirs
    FILE.part, FILE.part.new    the same, being written anew      the same
    FILE, with marks            whole, everybody has their PIN    only clears the marks away
    FILE                        done                              is refused

So a kill leaves one of these, wherever it comes. The store's marks name the batch, which
stands in every row. FILE.part is written anew with users who came since the kill, and at the
end without those who have no PIN, or another, after all.

Whoever writes holds a lock on the file, which goes with it from name to name and ends with
the process: two runs never share a FILE.part, and what nobody has locked, a dead one left.
"""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from pincli.errors import (
    FileUnreadable,
    FileUnwritable,
    MalformedName,
    MalformedPin,
    Refused,
    Rule,
)
from pincli.operations.places import require_elsewhere
from pincli.rules.names import canonical_user
from pincli.rules.pins import generate, require_well_formed
from pincli.rules.spreadsheets import harmless
from pincli.store.handed_files import drop_second_name, give_name, hold, open_ours, sync_names

COLUMNS = ("user", "account", "name", "pin", "batch")
_HEADER = (",".join(COLUMNS) + "\r\n").encode()
_NAMED_AT_MOST = 3

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class PinRow(NamedTuple):
    """One line of the file; its repr does not show the PIN."""

    user: str
    account: str
    name: str
    pin: str

    def __repr__(self) -> str:
        return f"PinRow({self.user!r})"


class PinFile:
    """One file of PINs on its way.

    The lock is POSIX's: a process has it once, and loses it with the first descriptor of the
    file that it closes. Hence the one descriptor, by which everything is read too.

    Attributes:
        path: FILE.
        part: FILE.part.
        batch: The id that marks, in the store, who has got the PIN that stands here.
        resumed: Whether a run before this one left FILE.part.
        complete: Whether there is a FILE of ours: finished but for its marks, if it has any.
    """

    def __init__(self, path: Path, *, forbidden: Iterable[Path]) -> None:
        """Look at what is there already, and take it over; nothing is written.

        Args:
            path: The file to be.
            forbidden: Folders that it may not lie in: the store's and the keys'.

        Raises:
            Refused: There is a file that is none of ours, or in FILE.part's place, or
                another run is writing it, or a folder is forbidden.
            FileUnreadable: The folder can't be used.
        """
        if not path.name:
            raise FileUnreadable(f"{path}: that is no file's name")
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._building = path.with_name(f"{path.name}.part.new")
        self._descriptor: int | None = None
        folder = path.absolute().parent
        require_elsewhere(path, forbidden, real=Path(os.path.realpath(folder), path.name))
        if not folder.is_dir():
            raise FileUnreadable(f"{folder}: there is no such folder")
        try:
            drop_second_name(self._building, self.part)
            drop_second_name(self.part, path)
            self.complete = os.path.lexists(path)
            self.resumed = not self.complete and os.path.lexists(self.part)
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None
        self.batch, self._known = self._take_over()
        self.batch = self.batch or os.urandom(8).hex()
        if not self.complete and not os.access(folder, os.W_OK | os.X_OK):
            raise FileUnreadable(f"{folder}: it may not be written to")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, and of its lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def knows(self, user: str) -> bool:
        """Whether a run before this one wrote down a PIN for a user."""
        return user in self._known

    def pin_for(self, user: str) -> str:
        """The PIN that a run before this one wrote down for a user, or a new one."""
        return self._known.get(user) or generate()

    def write(self, rows: Iterable[PinRow]) -> None:
        """Write FILE.part whole, synced before its name appears.

        Raises:
            FileUnreadable: It can't be written there; nothing has changed.
            FileUnwritable: There is no room for it.
            Refused: Another run came first; or one before this wrote down PINs for others
                too: somebody may have got one that would then be lost.
        """
        self._put(self._with_everybody(rows))

    def drop(self, users: Set[str]) -> None:
        """Write FILE.part anew without the lines of users who don't have the PIN in it.

        Raises:
            FileUnwritable: It can't be done; FILE.part stays as it is.
        """
        self._put(PinRow(*fields[:-1]) for fields in self._lines() if fields[0] not in users)

    def rows(self) -> Iterator[tuple[str, str]]:
        """User and PIN of every line of the file; one reading at a time."""
        for user, _, _, pin, _ in self._lines():
            yield user, pin

    def finish(self) -> None:
        """Turn FILE.part into FILE, never over a file that came meanwhile.

        Raises:
            Refused: One did; FILE.part stays.
            FileUnwritable: It can't be done; FILE.part stays.
        """
        try:
            give_name(self.part, self.path)
            sync_names(self.path.absolute().parent)
        except FileExistsError:
            raise Refused(Rule.FILE_EXISTS, str(self.path)) from None
        except OSError as error:
            raise self._unusable(self.path, error) from None

    def _take_over(self) -> tuple[str, dict[str, str]]:
        """The batch and the PINs in what a run before this one left; empty if it left nothing."""
        if self.complete:
            try:
                return self._read(self.path)
            except (Refused, FileUnreadable):
                raise Refused(Rule.FILE_EXISTS, str(self.path)) from None
        return self._read(self.part) if self.resumed else ("", {})

    def _read(self, path: Path) -> tuple[str, dict[str, str]]:
        try:
            self._descriptor = open_ours(path)
            hold(self._descriptor, path)
            lines = list(self._lines())
            pins = {canonical_user(fields[0]): fields[3] for fields in lines}
            batches = {fields[4] for fields in lines}
            for pin in pins.values():
                require_well_formed(pin)
            if len(pins) < len(lines) or len(batches) > 1 or "" in batches:
                raise Refused(Rule.FILE_NOT_OURS, str(path))
        except (csv.Error, UnicodeError, MalformedName, MalformedPin):
            self.close()
            raise Refused(Rule.FILE_NOT_OURS, str(path)) from None
        except OSError as error:
            self.close()
            raise FileUnreadable(f"{path}: {error.strerror}") from None
        except BaseException:
            self.close()
            raise
        return "".join(batches), pins

    def _lines(self) -> Iterator[list[str]]:
        """The fields of every line but the header."""
        if self._descriptor is None:
            raise RuntimeError("nothing has been written")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with open(self._descriptor, encoding="utf-8", newline="", closefd=False) as file:
            reader = csv.reader(file)
            if next(reader, None) != [*COLUMNS]:
                raise Refused(Rule.FILE_NOT_OURS, str(self.part))
            for fields in reader:
                if len(fields) != len(COLUMNS):
                    raise Refused(Rule.FILE_NOT_OURS, str(self.part))
                yield fields

    def _with_everybody(self, rows: Iterable[PinRow]) -> Iterator[PinRow]:
        """The rows; an error at the end if somebody who is known is not among them."""
        lost = dict.fromkeys(self._known)
        for row in rows:
            lost.pop(row.user, None)
            yield row
        if lost:
            names = ", ".join([*lost][:_NAMED_AT_MOST])
            more = ", ..." if len(lost) > _NAMED_AT_MOST else ""
            raise Refused(Rule.FILE_OF_ANOTHER_RESET, f"{self.part} ({names}{more})")

    def _put(self, rows: Iterable[PinRow]) -> None:
        """Write rows and call them FILE.part, in place of the one that we have, if any."""
        try:
            descriptor = self._build(rows)
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = descriptor
            sync_names(self.path.absolute().parent)
        except FileExistsError:
            raise Refused(Rule.FILE_IN_USE, str(self.part)) from None
        except OSError as error:
            raise self._unusable(self.part, error) from None

    def _build(self, rows: Iterable[PinRow]) -> int:
        descriptor = open_ours(self._building, os.O_CREAT)
        try:
            hold(descriptor, self._building)
            if not _HEADER.startswith(os.pread(descriptor, len(_HEADER), 0)):
                raise Refused(Rule.FILE_NOT_OURS, str(self._building))
        except BaseException:
            os.close(descriptor)
            raise
        try:
            os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, 0o600)
            if os.fstat(descriptor).st_mode & 0o077:  # FAT has no modes but the whole stick's
                raise FileUnreadable(f"{self.path.parent}: others can read every file there")
            with open(descriptor, "w", encoding="utf-8", newline="", closefd=False) as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                for row in rows:
                    fields = row._replace(name=harmless(row.name))
                    writer.writerow((*fields, self.batch))
            os.fsync(descriptor)
            if self._descriptor is None:
                give_name(self._building, self.part)
            else:
                self._building.rename(self.part)
        except BaseException:
            with suppress(OSError):
                self._building.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return descriptor

    def _unusable(self, path: Path, error: OSError) -> FileUnreadable | FileUnwritable:
        detail = f"{path}: {error.strerror}"
        if self._descriptor is not None:
            return FileUnwritable(detail, kept=str(self.part))
        return FileUnwritable(detail) if error.errno in _NO_ROOM else FileUnreadable(detail)
