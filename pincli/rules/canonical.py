"""The canonical form: what digests and links are computed over, defined here alone.

A record or an event is its values that are not NULL, each behind its name, in the order of
its fields. A column that a later version adds is NULL in what was written before, so it
leaves old digests and links as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from pincli.rules.framing import framed

RECORD = b"pincli/v2/record"
EVENT = b"pincli/v2/event"
FIRST = b"pincli/v2/first"
TEXTS = b"pincli/v2/texts"

Value = str | int | bytes | None
"""What a column holds; a bool is an int, as it is in SQLite."""

Names = tuple[bytes, ...]
"""The names of columns in their order, from `names_of`."""


class Texts(NamedTuple):
    """The free texts of one event: they stand beside the trail and can be erased.

    Attributes:
        reason: Why it was done.
        ticket: The ticket that was given with it.
        name: What was typed for an unknown user.
    """

    reason: str | None = None
    ticket: str | None = None
    name: str | None = None


# All of this runs for millions of rows: what can be looked up is not computed. A value is
# its length, a letter for its kind, and its bytes; the empty text, 1 and "1" are three things.
_KNOWN = 128


_TEXT = tuple((length + 1).to_bytes(8, "big") + b"t" for length in range(_KNOWN))
_BYTES = tuple((length + 1).to_bytes(8, "big") + b"b" for length in range(_KNOWN))
_NUMBERS = tuple(framed(b"i%d" % number) for number in range(_KNOWN))
_label = cache(framed)


def names_of(fields: Iterable[str]) -> Names:
    """The names of columns as the functions here take them; made once, not for every row."""
    return tuple(framed(field.encode()) for field in fields)


def digest(label: bytes, names: Names, values: Sequence[Value]) -> bytes:
    """SHA-256 of one record.

    Args:
        label: What it is a digest of: RECORD.
        names: From `names_of`.
        values: As many as there are names.
    """
    return hashlib.sha256(_label(label) + _pairs(names, values)).digest()


def first_link(store_id: bytes, *before: bytes) -> bytes:
    """What the first event's link goes on from.

    Args:
        store_id: The store's own id, so that no trail fits another store.
        before: What came before the trail, such as the head of one that it goes on from.
    """
    return hashlib.sha256(framed(FIRST, store_id, *before)).digest()


def link(previous: bytes, names: Names, values: Sequence[Value]) -> bytes:
    """The link of an event: SHA-256 of the link before it and its own values."""
    return hashlib.sha256(_label(EVENT) + framed(previous) + _pairs(names, values)).digest()


def texts_digest(blind: bytes, texts: Texts) -> bytes:
    """What an event keeps of its texts; without the random blind nobody can guess them from it."""
    return hashlib.sha256(framed(TEXTS, blind) + _pairs(_TEXT_NAMES, texts)).digest()


_TEXT_NAMES = names_of(Texts._fields)


def _pairs(names: Names, values: Sequence[Value]) -> bytes:
    # Written out, not a function a value: that halves the time.
    parts: list[bytes] = []
    for name, value in zip(names, values, strict=True):
        if value is None:
            continue
        if isinstance(value, str):
            raw = value.encode()
            length = len(raw)
            parts += name, _TEXT[length] if length < _KNOWN else _long(length, b"t"), raw
        elif isinstance(value, bytes):
            length = len(value)
            parts += name, _BYTES[length] if length < _KNOWN else _long(length, b"b"), value
        elif isinstance(value, int):
            parts += name, _NUMBERS[value] if 0 <= value < _KNOWN else framed(b"i%d" % value)
        else:
            raise TypeError(type(value).__name__)
    return b"".join(parts)


def _long(length: int, letter: bytes) -> bytes:
    return (length + 1).to_bytes(8, "big") + letter
