"""Blocks as text: plain lines in a pipe, drawn by Rich on a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from pincli.config import Display
from pincli.views.blocks import Block, Fields, Headline, Tone
from pincli.views.layout import lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.theme import Theme

_UNBOUNDED = 1_000_000
"""The width of a pipe."""


def write(blocks: Sequence[Block], display: Display, stream: TextIO) -> None:
    """Write blocks to a stream."""
    if stream.isatty():
        _draw(blocks, display, console_for(display, stream))
        return
    for line in lines(blocks, display, _UNBOUNDED):
        stream.write("".join(span.text for span in line) + "\n")


def rehearse() -> None:
    """Draw a verdict to nowhere, since the first one takes 1.5 times as long as the hash."""
    blocks: list[Block] = [Headline(Tone.GOOD, ""), Fields([("", "")])]
    display = Display(unicode=True, color=True)
    _draw(blocks, display, console_for(display, io.StringIO()))


def console_for(
    display: Display, stream: TextIO, columns: int | None = None, theme: Theme | None = None
) -> Console:
    """Rich's console for a stream; without a width, that of the terminal."""
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
        theme=theme,
    )


def _draw(blocks: Sequence[Block], display: Display, console: Console) -> None:
    from rich.text import Text

    for line in lines(blocks, display, console.width):
        console.print(Text.assemble(*line), no_wrap=True, overflow="ignore")
