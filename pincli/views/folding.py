"""Lines of styled spans, and rows of columns. What is too wide is folded; only `cut` cuts.

Times, states and figures stay whole; texts are folded. If a row still does not fit, its cells
flow over several lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import NamedTuple

GAP = 2
"""Blanks between two columns, and before the first."""
_NARROWEST = 8
"""Columns. A text folded to less is harder to read than a row on two lines."""
_HANGING = 4
_WORD = re.compile(r" *[^ ]+ *")

_WIDE = frozenset("WF")
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_JOINING_JAMO = frozenset(map(chr, range(0x1160, 0x1200)))
"""Korean letters that a terminal draws into the one before."""


class Span(NamedTuple):
    """A piece of a line, and its style in Rich's words."""

    text: str
    style: str = ""


Line = Sequence[Span]


def columns_of(text: str) -> int:
    """The width: two for a wide character (Chinese, emoji), none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def padded(text: str, columns: int) -> str:
    """The text, with blanks behind it up to this width."""
    return text + " " * (columns - columns_of(text))


def cut(text: str, columns: int, mark: str) -> str:
    """The text, or what of it fits into this width with a mark behind it."""
    if columns_of(text) <= columns:
        return text
    while text and columns_of(text) > columns - columns_of(mark):
        text = text[:-1]
    return text + mark


def width_of(line: Line) -> int:
    """The width of a line."""
    return sum(columns_of(span.text) for span in line)


def folded(line: Line, columns: int) -> list[Line]:
    """A line in lines of this width: broken between words, else within them."""
    if width_of(line) <= columns:
        return [line]
    text = "".join(span.text for span in line)
    return [
        _part(line, start, start + len(text[start:end].rstrip()))
        for start, end in pairwise([0, *_breaks(text, columns), len(text)])
    ]


def widths(natural: Sequence[int], folding: Sequence[bool], room: int) -> list[int] | None:
    """The widths of columns side by side; None if they don't fit.

    Args:
        natural: Their widths if there is room.
        folding: Which may be narrower.
        room: How much there is.
    """
    room -= GAP * (len(natural) - 1)
    if sum(natural) <= room:
        return list(natural)
    room -= sum(width for width, folds in zip(natural, folding, strict=True) if not folds)
    texts = sorted(width for width, folds in zip(natural, folding, strict=True) if folds)
    widest = 0
    for number, width in enumerate(texts):
        # The short ones take what they need; the others share the rest.
        widest = room // (len(texts) - number)
        if width > widest:
            break
        room -= width
    if widest < _NARROWEST:
        return None
    return [
        min(width, widest) if folds else width
        for width, folds in zip(natural, folding, strict=True)
    ]


def side_by_side(cells: Line, wide: Sequence[int]) -> Iterator[Line]:
    """A row's lines, each cell folded in its column."""
    folds = [
        ["".join(span.text for span in part) for part in folded([cell], width)]
        for cell, width in zip(cells, wide, strict=True)
    ]
    for texts in zip_longest(*folds, fillvalue=""):
        styled = zip(texts, cells, strict=True)
        yield in_columns([Span(text, cell.style) for text, cell in styled], wide)


def in_columns(cells: Line, wide: Sequence[int]) -> Line:
    """A row whose cells fit, as a line."""
    line = []
    blanks = 0
    for cell, width in zip(cells, wide, strict=True):
        if cell.text:
            line += [Span(" " * blanks), cell]
            blanks = 0
        blanks += width + GAP - columns_of(cell.text)
    return line


def flowing(cells: Line, room: int) -> Iterator[Line]:
    """A row's lines, each cell behind the one before, as many in a line as fit."""
    line: list[Span] = []
    for cell in cells:
        if not cell.text:
            continue
        if line and width_of(line) + GAP + columns_of(cell.text) > room:
            yield line
            line = [Span(" " * _HANGING)]
        elif line:
            line.append(Span(" " * GAP))
        first, *further = folded([cell], room - max(width_of(line), _HANGING))
        line += first
        for part in further:
            yield line
            line = [Span(" " * _HANGING), *part]
    yield line


def _breaks(text: str, room: int) -> Iterator[int]:
    """Where a text is broken."""
    used = 0
    for word in _WORD.finditer(text):
        bare = word[0].rstrip()
        if used and used + columns_of(bare) > room:
            yield word.start()
            used = 0
        for at, character in enumerate(bare, word.start()):
            if used and used + _columns(character) > room:
                yield at
                used = 0
            used += _columns(character)
        used += len(word[0]) - len(bare)


def _part(line: Line, start: int, end: int) -> Line:
    part = []
    for text, style in line:
        part.append(Span(text[max(start, 0) : max(end, 0)], style))
        start, end = start - len(text), end - len(text)
    return part


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH or character in _JOINING_JAMO:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
