"""Blocks on a terminal, by Rich. Text from data is never read as markup."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

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
from pincli.views.plain import chart_rows, headline_text, label_width, marker
from pincli.views.sanitiser import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


_STYLES = {
    Tone.GOOD: "bold green",
    Tone.BAD: "bold red",
    Tone.WARNING: "bold magenta",  # yellow can't be read on white
    Tone.NEUTRAL: "",
    Tone.QUIET: "dim",
}


_BAND_STYLES = {
    Tone.GOOD: "bold black on green",
    Tone.BAD: "bold white on red",
}
_CHOSEN_STYLE = "bold reverse"


def draw(blocks: Sequence[Block], display: Display, stream: TextIO | None = None) -> None:
    """Draw the blocks, wrapped to the terminal's width."""
    console = _console(display, stream or sys.stdout)
    for block in blocks:
        _draw(block, display, console)


def rows_of(blocks: Sequence[Block], display: Display, columns: int) -> list[str]:
    """The blocks as rows for some place of the screen: each with its own styles, none wider."""
    stream = io.StringIO()
    console = _console(display, stream, columns)
    for block in blocks:
        _draw(block, display, console)
    return stream.getvalue().split("\n")[:-1]


def width_of(text: str) -> int:
    """How many columns a text takes."""
    from rich.cells import cell_len

    return cell_len(text)


def rehearse() -> None:
    """Draw a verdict to nowhere: the first one takes half as long again as the hash."""
    blocks: list[Block] = [Headline(Tone.GOOD, ""), Fields([("", "")])]
    draw(blocks, Display(unicode=True, color=True), io.StringIO())


def _console(display: Display, stream: TextIO, columns: int | None = None) -> Console:
    from rich.console import Console

    return Console(
        file=stream,
        width=columns,
        color_system="auto" if display.color else None,
        force_terminal=display.color,
        no_color=not display.color,
        highlight=False,
        markup=False,
        emoji=False,
    )


def _draw(block: Block, display: Display, console: Console) -> None:
    match block:
        case Headline():
            style = _STYLES[block.tone] or "bold"
            line = _text("", display).append(_text(headline_text(block, display), display, style))
            line.append(f"  {shown(block.about, unicode=display.unicode)}".rstrip())
            console.print(line)
        case Band():
            _draw_band(block, display, console)
        case Fields():
            _draw_fields(block, display, console)
        case Note():
            console.print(_text(block.text, display, _STYLES[block.tone]))
        case Next():
            _draw_next(block, display, console)
        case Table():
            _draw_table(block, display, console)
        case Chart():
            _draw_chart(block, display, console)
        case Menu():
            _draw_menu(block, display, console)


def _draw_band(block: Band, display: Display, console: Console) -> None:
    """Three rows in the tone's colour; without colours, between two rules."""
    from rich.padding import Padding

    tone, _, about = block.headline
    words = headline_text(block.headline, display).replace(" ", "  ", 1)
    if about:
        words += f"   {about}"
    text = _text(words, display)
    if display.color:
        console.print(Padding(text, (1, 2), style=_BAND_STYLES.get(tone, "reverse")))
        return
    rule = ("\u2501" if display.unicode else "=") * console.width
    console.print(rule)
    console.print(Padding(text, (0, 2)))
    console.print(rule)


def _draw_menu(block: Menu, display: Display, console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table as Grid

    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=1)
    for _ in block.rows[0] if block.rows else ():
        grid.add_column(no_wrap=True, overflow="ellipsis" if display.unicode else "crop")
    for number, row in enumerate(block.rows):
        grid.add_row(
            _text(marker(block, number, display), display),
            *(_text(cell, display) for cell in row),
            style=_CHOSEN_STYLE if number == block.chosen else "",
        )
    console.print(Padding(grid, (0, 0, 0, 1)))
    if block.more:
        console.print(Padding(_text(block.more, display, _STYLES[Tone.QUIET]), (0, 0, 0, 4)))


def _draw_next(block: Next, display: Display, console: Console) -> None:
    """The command, and beside or below it what for."""
    from pincli.views.tables import GAP, folds

    line = _text("  next: ", display, _STYLES[Tone.QUIET])
    line.append(_text(block.command, display, "bold"))
    why = _text(f"({block.why})", display, _STYLES[Tone.QUIET])
    beside = line.copy().append("   ").append(why)
    if beside.cell_len <= console.width:
        _print([beside], console)
    else:
        margin = _text(" " * GAP, display)
        below = folds(console, why, console.width - GAP)
        _print(folds(console, line, console.width), console)
        _print((margin.copy().append(part) for part in below), console)


def _draw_fields(block: Fields, display: Display, console: Console) -> None:
    from pincli.views.tables import GAP, side_by_side

    margin, label = _text("", display), label_width(block)
    wide = (0, label, console.width - label - 2 * GAP)
    for name, value in block.pairs:
        cells = (margin, _text(name, display, _STYLES[Tone.QUIET]), _text(value, display))
        _print(side_by_side(console, cells, wide), console)


def _draw_chart(block: Chart, display: Display, console: Console) -> None:
    """Bars and figures whole; a long label is folded."""
    from pincli.views.tables import GAP, side_by_side

    rows = [[_text(cell, display) for cell in ("", *row)] for row in chart_rows(block, display)]
    wide = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    wide[1] = max(min(wide[1], console.width - wide[2] - wide[3] - 3 * GAP), 1)
    for row in rows:
        _print(side_by_side(console, row, wide), console)


def _draw_table(block: Table, display: Display, console: Console) -> None:
    """A head and its rows; a later page may need wider columns, and never gets narrower ones."""
    from pincli.views.tables import flowing, side_by_side, widths

    folding = [block.folding is None or name in block.folding for name in block.columns]
    head = [_text(name, display, _STYLES[Tone.QUIET]) for name in block.columns]
    natural = [name.cell_len for name in head]
    begun = False
    for page in block.pages:
        rows = [[_text(cell, display) for cell in row] for row in page]
        for row in rows:
            natural = [max(width, cell.cell_len) for width, cell in zip(natural, row, strict=True)]
        if rows and not begun:
            rows.insert(0, head)
            begun = True
        wide = widths(natural, folding, console.width)
        for row in rows:
            _print(side_by_side(console, row, wide) if wide else flowing(console, row), console)
    if not begun:
        console.print(_text(block.empty, display))


def _print(lines: Iterable[Text], console: Console) -> None:
    """Lines that are folded already; what is narrower than a word is no terminal to fold for."""
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop")


def _text(text: str, display: Display, style: str = "") -> Text:
    from rich.text import Text

    return Text(shown(text, unicode=display.unicode), style=style)
