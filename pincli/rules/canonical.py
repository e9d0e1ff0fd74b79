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


Columns = tuple[tuple[_Before, _Before, _Before], ...]
"""What comes before texts, bytes and numbers, for each column in its order."""


def _columns(names: Iterable[str]) -> Columns:
    return tuple((_Before(name, b"t"), _Before(name, b"b"), _Before(name, b"i")) for name in names)


_DECIMAL = tuple(b"%d" % number for number in range(128))
_RECORD_COLUMNS = _columns(User._fields)
_EVENT_COLUMNS = _columns(TrailEvent._fields[:-2])
_TEXT_COLUMNS = _columns(Texts._fields[2:])
_RECORD_LABEL = framed(RECORD)
_LINK_BYTES = hashlib.sha256().digest_size
_EVENT_LABEL = framed(EVENT, bytes(_LINK_BYTES))[:-_LINK_BYTES]  # and how long a link is


def record_digest(user: User) -> bytes:
    """SHA-256 of a user's whole record."""
    return hashlib.sha256(_RECORD_LABEL + _pairs(_RECORD_COLUMNS, user)).digest()


def link_of(previous: bytes, event: TrailEvent) -> bytes:
    """The link of an event: SHA-256 of the link before it and its own values."""
    # The label includes the frame for a link's usual length; a forged link may be longer.
    usual = len(previous) == _LINK_BYTES
    before = _EVENT_LABEL + previous if usual else framed(EVENT, previous)
    linked = event[: len(_EVENT_COLUMNS)]
    return hashlib.sha256(before + _pairs(_EVENT_COLUMNS, linked)).digest()


def texts_digest(texts: Texts) -> bytes:
    """What an event keeps of its texts; the random blind keeps them from being guessed."""
    message = framed(TEXTS, texts.blind) + _pairs(_TEXT_COLUMNS, texts[2:])
    return hashlib.sha256(message).digest()


def first_link(store_id: str, *before: bytes) -> bytes:
    """The link before the first event's, with the store's id, so that no trail fits another.

    `before` is what came before the trail, such as the head of the one that it continues.
    """
    return hashlib.sha256(framed(FIRST, store_id.encode(), *before)).digest()


def _pairs(columns: Columns, values: Sequence[Value]) -> bytes:
    """Each value that is not NULL behind its column's name, its length and the letter of its kind.

    So the empty text, 1 and "1" are three things. Written out, not a function a value: that
    halves the time.
    """
    parts: list[bytes] = []
    add = parts.append
    for (text, octets, digits), value in zip(columns, values, strict=True):
        if value is None:
            continue
        if isinstance(value, str):
            raw = value.encode()
            add(text[len(raw)] + raw)
        elif isinstance(value, bytes):
            add(octets[len(value)] + value)
        elif isinstance(value, int):
            raw = _DECIMAL[value] if 0 <= value < len(_DECIMAL) else b"%d" % value
            add(digits[len(raw)] + raw)
        else:
            raise TypeError(type(value).__name__)
    return b"".join(parts)
