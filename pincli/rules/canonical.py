"""The canonical form: what digests and links are computed over, defined only here.

A record or an event is its values that are not NULL, each behind its name, in the order of
its fields. A column that a later version adds is NULL in older rows, so old digests and links
stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from types import NoneType
from typing import Any, cast

from pincli.models import Texts, TrailEvent, User

RECORD = b"pincli/v2/record"
EVENT = b"pincli/v2/event"
FIRST = b"pincli/v2/first"
TEXTS = b"pincli/v2/texts"

Value = str | int | bytes | None
"""What a column holds; a bool is an int, as in SQLite."""

_LENGTH_BYTES = 8
# Looked up, not made: framing is done for every column of a record, millions of times.
_SHORT = tuple(length.to_bytes(_LENGTH_BYTES, "big") for length in range(128))


def framed(*parts: bytes) -> bytes:
    """The parts, each behind its own length: ("ab", "c") and ("a", "bc") differ."""
    message = b""
    for part in parts:
        length = len(part)
        short = length < len(_SHORT)
        message += _SHORT[length] if short else length.to_bytes(_LENGTH_BYTES, "big")
        message += part
    return message


class _Before(dict[int, bytes]):
    """What comes before a value, by its length: the column's name, the frame, and a letter.

    Looked up, not made, and added to the value at once: this is done for every column of
    millions of rows.
    """

    def __init__(self, column: str, letter: bytes) -> None:
        self._name = framed(column.encode())
        self._letter = letter

    def __missing__(self, length: int) -> bytes:
        before = self._name + (length + 1).to_bytes(_LENGTH_BYTES, "big") + self._letter
        self[length] = before
        return before


_LETTERS: dict[type, tuple[bytes, Callable[[Any], bytes]]] = {
    str: (b"t", str.encode),
    bytes: (b"b", bytes),
    int: (b"i", b"%d".__mod__),
}
"""For each kind of value its letter, and what makes bytes of it."""


class _Column(dict[type, tuple[Callable[[Any], bytes], _Before]]):
    """A column, and the form of its values: behind its name, the length, and the kind's letter.

    So the empty text, 1 and "1" are three things, and NULL is nothing. As a dict it gives, for a
    kind of value, what makes bytes of it, and what comes before them.
    """

    def __init__(self, name: str) -> None:
        for kind, (letter, encode) in _LETTERS.items():
            self[kind] = encode, _Before(name, letter)

    def __missing__(self, kind: type) -> tuple[Callable[[Any], bytes], _Before]:
        """A word of an enumeration is a text, and a bool is a number."""
        for known in _LETTERS:
            if issubclass(kind, known):
                self[kind] = self[known]
                return self[known]
        raise TypeError(kind.__name__)

    def form(self, value: Value) -> bytes:
        """The form of one value."""
        if value is None:
            return b""
        encode, before = self[type(value)]
        raw = encode(value)
        return before[len(raw)] + raw

    def forms(self, values: Sequence[Value]) -> Iterable[bytes]:
        """The same for many rows, in a third of the time."""
        different = set(values)
        kinds = set(map(type, different)) - {NoneType}
        # A set keeps only one of 1, 1.0 and True, as they are equal. No text equals a number.
        if not kinds <= {str, bytes}:
            kinds = set(map(type, values)) - {NoneType}
        if len(kinds) != 1:
            return map(self.form, values)
        if len(different) < len(values) // 2:
            forms = {value: self.form(value) for value in different}
            return map(forms.__getitem__, values)
        encode, before = self[kinds.pop()]
        if encode is bytes:  # which they are already
            raws = cast("Sequence[bytes | None]", values)
            return [b"" if raw is None else before[len(raw)] + raw for raw in raws]
        return [
            b"" if value is None else before[len(raw := encode(value))] + raw for value in values
        ]


_RECORD_COLUMNS = tuple(map(_Column, User._fields))
_EVENT_COLUMNS = tuple(map(_Column, TrailEvent._fields[:-2]))
_TEXT_COLUMNS = tuple(map(_Column, Texts._fields[2:]))
_RECORD_LABEL = framed(RECORD)
_LINK_BYTES = hashlib.sha256().digest_size
_EVENT_LABEL = framed(EVENT, bytes(_LINK_BYTES))[:-_LINK_BYTES]  # and how long a link is
_FEW = 8
"""So few rows are quicker one by one than column by column."""


def record_digest(user: User) -> bytes:
    """SHA-256 of a user's whole record."""
    return record_digests([user])[0]


def record_digests(users: Sequence[User]) -> list[bytes]:
    """The digests of many records."""
    forms = _forms(_RECORD_COLUMNS, [_RECORD_LABEL] * len(users), users)
    return [hashlib.sha256(form).digest() for form in forms]


def link_of(previous: bytes, event: TrailEvent) -> bytes:
    """The link of an event: SHA-256 of the link before it and its own values."""
    return links_of(previous, [event])[0]


def links_of(previous: bytes, events: Sequence[TrailEvent]) -> list[bytes]:
    """The links of consecutive events after a link, each computed from the one before."""
    links = []
    before = framed(EVENT, previous)
    linked = [event[: len(_EVENT_COLUMNS)] for event in events]
    for form in _forms(_EVENT_COLUMNS, [b""] * len(events), linked):
        link = hashlib.sha256(before + form).digest()
        links.append(link)
        before = _EVENT_LABEL + link
    return links


def texts_digest(texts: Texts) -> bytes:
    """What an event keeps of its texts; the random blind keeps them from being guessed."""
    return texts_digests([texts])[0]


def texts_digests(texts: Sequence[Texts]) -> list[bytes]:
    """The digests of many events' texts."""
    beginnings = [framed(TEXTS, each.blind) for each in texts]
    forms = _forms(_TEXT_COLUMNS, beginnings, [each[2:] for each in texts])
    return [hashlib.sha256(form).digest() for form in forms]


def first_link(store_id: str, *before: bytes) -> bytes:
    """The link before the first event's, with the store's id, so that no trail fits another.

    `before` is what came before the trail, such as the head of the one that it continues.
    """
    return hashlib.sha256(framed(FIRST, store_id.encode(), *before)).digest()


def _forms(
    columns: Sequence[_Column], beginnings: Sequence[bytes], rows: Sequence[Sequence[Value]]
) -> Iterable[bytes]:
    """The form of each row: its beginning, then its values, in the order of the columns.

    Many rows are taken column by column: then most of the work for a value, such as a look at its
    kind, is done at C's speed.
    """
    if len(rows) < _FEW:
        return [
            beginning + b"".join([c.form(value) for c, value in zip(columns, row, strict=True)])
            for beginning, row in zip(beginnings, rows, strict=True)
        ]
    parts: list[Iterable[bytes]] = [beginnings]
    for column, values in zip(columns, zip(*rows, strict=True), strict=True):
        if values.count(None) < len(values):
            parts.append(column.forms(values))
    return map(b"".join, zip(*parts, strict=True))
