"""Blocks on a terminal, by Rich. Text from data is never read as markup."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from pincli.config import Display
from pincli.views.blocks import Block, Chart, Fields, Headline, Next, Note, Table, Tone
from pincli.views.plain import chart_rows, headline_text, label_width
from pincli.views.sanitiser import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {
    Tone.GOOD: "bold green",
    Tone.BAD: "bold red",
    Tone.WARNING: "yellow",
    Tone.NEUTRAL: "",
    Tone.QUIET: "dim",
}


def draw(blocks: Sequence[Block], display: Display, stream: TextIO | None = None) -> None:
    """Draw the blocks, wrapped to the terminal's width."""
    from rich.console import Console

    console = Console(
        file=stream or sys.stdout,
        color_system="auto" if display.color else None,
        force_terminal=display.color,
        no_color=not display.color,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for block in blocks:
        _draw(block, display, console)


def rehearse() -> None:
    """Draw a verdict to nowhere: the first one takes half as long again as the hash."""
    import io

    blocks: list[Block] = [Headline(Tone.GOOD, ""), Fields([("", "")])]
    draw(blocks, Display(unicode=True, color=True), io.StringIO())


def _draw(block: Block, display: Display, console: Console) -> None:
    match block:
        case Headline():
            line = _text(headline_text(block, display), display, _STYLES[block.tone])
            line.append(f"  {shown(block.about, unicode=display.unicode)}".rstrip())
            console.print(line)
        case Fields():
            _draw_fields(block, display, console)
        case Note():
            console.print(_text(block.text, display, _STYLES[block.tone]))
        case Next():
            line = _text("  next: ", display, _STYLES[Tone.QUIET])
            line.append(_text(block.command, display, "bold"))
            line.append(_text(f"   ({block.why})", display, _STYLES[Tone.QUIET]))
            console.print(line)
        case Table():
            _draw_table(block, display, console)
        case Chart():
            _draw_chart(block, display, console)


def _draw_fields(block: Fields, display: Display, console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table as Grid

    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=label_width(block), no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in block.pairs:
        grid.add_row(_text(label, display, _STYLES[Tone.QUIET]), _text(value, display))
    console.print(Padding(grid, (0, 0, 0, 2)))


def _draw_chart(block: Chart, display: Display, console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table as Grid

    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold")
    grid.add_column(no_wrap=True, min_width=max(len(values) for _, values, _ in block.rows))
    grid.add_column(no_wrap=True)
    for row in chart_rows(block, display):
        grid.add_row(*(_text(cell, display) for cell in row))
    console.print(Padding(grid, (0, 0, 0, 2)))


def _draw_table(block: Table, display: Display, console: Console) -> None:
    from rich.table import Table as Grid

    empty = True
    for page in block.pages:
        if not page:
            continue
        grid = Grid(box=None, padding=(0, 2, 0, 0), show_header=empty, header_style="dim")
        for name in block.columns:
            grid.add_column(name, overflow="fold")
        for row in page:
            grid.add_row(*(_text(cell, display) for cell in row))
        console.print(grid)
        empty = False
    if empty:
        console.print(_text(block.empty, display))


def _text(text: str, display: Display, style: str = "") -> Text:
    from rich.text import Text

    return Text(shown(text, unicode=display.unicode), style=style)
