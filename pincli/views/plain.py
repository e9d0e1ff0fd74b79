"""Blocks as plain lines: what is piped, and what a terminal without Rich would show."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from pincli.config import Display
from pincli.views.blocks import (
    Band,
    Block,
    Chart,
    Fields,
    Headline,
    Menu,
    Next,
    Note,
    Table,
    Tone,
)
from pincli.views.sanitiser import shown

_SIGNS = {
    Tone.GOOD: ("\u2714", "[ok]"),
    Tone.BAD: ("\u2718", "[!!]"),
    Tone.WARNING: ("!", "!"),
    Tone.NEUTRAL: ("", ""),
    Tone.QUIET: ("", ""),
}
_GAP = "  "
_BLANK = " "  # alone: another blank at the end of a name is for the sanitiser to show
_BARS = ("\u00b7\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588", ".:-=+*#%@")

_WIDE = frozenset("WF")
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_JOINING_JAMO = frozenset(map(chr, range(0x1160, 0x1200)))
"""Korean letters that a terminal draws into the one before."""


def sign(tone: Tone, display: Display) -> str:
    """The sign that goes before a headline: the meaning must not hang on colour."""
    return _SIGNS[tone][0 if display.unicode else 1]


def headline_text(block: Headline, display: Display) -> str:
    """A headline's sign and word."""
    return f"{sign(block.tone, display)} {block.word}".strip(_BLANK)


def label_width(block: Fields) -> int:
    """The width that aligns the values of a block of fields."""
    return max((columns_of(label) for label, _ in block.pairs), default=0)


def lines(blocks: Sequence[Block], display: Display) -> Iterator[str]:
    """The blocks as lines without styles; a table's rows as they come."""
    for block in blocks:
        for line in _lines(block, display):
            yield shown(line, unicode=display.unicode)


def _lines(block: Block, display: Display) -> Iterator[str]:
    match block:
        case Band():
            yield from _lines(block.headline, display)
        case Headline():
            yield f"{headline_text(block, display)}{_GAP}{block.about}".rstrip(_BLANK)
        case Fields():
            width = label_width(block)
            for label, value in block.pairs:
                yield f"{_GAP}{padded(label, width)}{_GAP}{value}".rstrip(_BLANK)
        case Note():
            yield block.text
        case Next():
            yield f"{_GAP}next: {block.command}   ({block.why})"
        case Table():
            yield from _table_lines(block)
        case Chart():
            width = max((columns_of(label) for label, _, _ in block.rows), default=0)
            for label, bars, closing in chart_rows(block, display):
                yield f"{_GAP}{padded(label, width)}{_GAP}{bars}{_GAP}{closing}"
        case Menu():
            widths = _widths(block.rows)
            for number, row in enumerate(block.rows):
                yield f"{marker(block, number, display)} {_row(row, widths)}"
            if block.more:
                yield f"{_GAP}{block.more}"


def marker(menu: Menu, number: int, display: Display) -> str:
    """What comes before a row of a menu: a sign for the one that is chosen."""
    if number != menu.chosen:
        return " "
    return "\u203a" if display.unicode else ">"


def chart_rows(chart: Chart, display: Display) -> Iterator[tuple[str, str, str]]:
    """A chart's labels, bars and closing words; the highest bar is the highest value of all."""
    bars = _BARS[0 if display.unicode else 1]
    most = max((value for _, values, _ in chart.rows for value in values), default=0) or 1
    for label, values, closing in chart.rows:
        # Rounded up: a single failure shows.
        drawn = "".join(bars[-(-value * (len(bars) - 1) // most)] for value in values)
        yield label, drawn, closing


def _table_lines(table: Table) -> Iterator[str]:
    widths: list[int] = []
    for page in table.pages:
        if page and not widths:
            widths = _widths([table.columns, *page])
            yield _row(table.columns, widths)
        for row in page:
            yield _row(row, widths)
    if not widths:
        yield table.empty


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """How many columns each cell of these rows is to take."""
    return [max(map(columns_of, column)) for column in zip(*rows, strict=True)]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(padded(c, w) for c, w in zip(cells, widths, strict=True)).rstrip(_BLANK)


def columns_of(text: str) -> int:
    """The columns: two for a wide character (Chinese, emoji), none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def padded(text: str, columns: int) -> str:
    """The text with blanks behind it, so that it takes at least so many columns."""
    return text + " " * (columns - columns_of(text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH or character in _JOINING_JAMO:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1
