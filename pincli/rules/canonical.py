"""The canonical form: what digests and links are computed over, defined only here.

A record or an event is its values that are not NULL, each behind its name, in the order of
its fields. A column that a later version adds is NULL in older rows, so old digests and links
stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from pincli.models import Texts, TrailEvent, User

RECORD = b"pincli/v2/record"
EVENT = b"pincli/v2/event"
FIRST = b"pincli/v2/first"
TEXTS = b"pincli/v2/texts"

Value = str | int | bytes | None
"""What a column holds; a bool is an int, as in SQLite."""

Names = tuple[bytes, ...]
"""The framed names of columns, in their order."""

_LENGTH_BYTES = 8
# Looked up, not made: framing is done for every column of a record, millions of times.
_SHORT = tuple(length.to_bytes(_LENGTH_BYTES, "big") for length in range(128))


def framed(*parts: bytes) -> bytes:
    """The parts, each behind its own length: ("ab", "c") and ("a", "bc") differ."""
    return b"".join(
        [
            (_SHORT[n] if (n := len(part)) < len(_SHORT) else n.to_bytes(_LENGTH_BYTES, "big"))
            + part
            for part in parts
        ]
    )


# All of this runs for millions of rows: what can be looked up is not computed. A value is
# its length, a letter for its kind, and its bytes; the empty text, 1 and "1" are three things.
_KNOWN = 128
_TEXT = tuple((length + 1).to_bytes(8, "big") + b"t" for length in range(_KNOWN))
_BYTES = tuple((length + 1).to_bytes(8, "big") + b"b" for length in range(_KNOWN))
_NUMBERS = tuple(framed(b"i%d" % number) for number in range(_KNOWN))


def _names_of(fields: Iterable[str]) -> Names:
    """The framed names of columns; made once, not for every row."""
    return tuple(framed(field.encode()) for field in fields)


_RECORD_NAMES = _names_of(User._fields)
_EVENT_NAMES = _names_of(TrailEvent._fields[:-2])
_TEXT_NAMES = _names_of(Texts._fields[2:])
_RECORD_LABEL = framed(RECORD)
_LINK_BYTES = hashlib.sha256().digest_size
_EVENT_LABEL = framed(EVENT, bytes(_LINK_BYTES))[:-_LINK_BYTES]  # and how long a link is


def record_digest(user: User) -> bytes:
    """SHA-256 of a user's whole record."""
    return hashlib.sha256(_RECORD_LABEL + _pairs(_RECORD_NAMES, user)).digest()


def link_of(previous: bytes, event: TrailEvent) -> bytes:
    """The link of an event: SHA-256 of the link before it and its own values."""
    # The label includes the frame for a link's usual length; a forged link may be longer.
    usual = len(previous) == _LINK_BYTES
    before = _EVENT_LABEL + previous if usual else framed(EVENT, previous)
    linked = event[: len(_EVENT_NAMES)]
    return hashlib.sha256(before + _pairs(_EVENT_NAMES, linked)).digest()


def texts_digest(texts: Texts) -> bytes:
    """What an event keeps of its texts; the random blind keeps them from being guessed."""
    message = framed(TEXTS, texts.blind) + _pairs(_TEXT_NAMES, texts[2:])
    return hashlib.sha256(message).digest()


def first_link(store_id: str, *before: bytes) -> bytes:
    """The link before the first event's, with the store's id, so that no trail fits another.

    `before` is what came before the trail, such as the head of the one that it continues.
    """
    return hashlib.sha256(framed(FIRST, store_id.encode(), *before)).digest()


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
