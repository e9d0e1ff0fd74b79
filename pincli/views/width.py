"""How many columns a text takes on a terminal."""

from __future__ import annotations

import unicodedata

_WIDE = frozenset("WF")
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})


def columns_of(text: str) -> int:
    """The columns: two for a wide character (Chinese, emoji), none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def padded(text: str, columns: int) -> str:
    """The text with blanks behind it, so that it takes at least so many columns."""
    return text + " " * (columns - columns_of(text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
