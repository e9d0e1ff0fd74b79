"""Tables on a terminal: columns as wide as they need, or as the terminal lets them be.

Times, states and figures stay whole; texts are folded. Where not even that fits, each row
flows over as many lines as it takes. Nothing is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GAP = 2
_NARROWEST = 8
"""Characters. A text folded to less is harder to read than a row on two lines."""
_HANGING = 4


def widths(natural: Sequence[int], folding: Sequence[bool], room: int) -> list[int] | None:
    """How wide each column is drawn; None if they don't fit side by side.

    Args:
        natural: How wide each would like to be.
        folding: Which may be narrower.
        room: The terminal's width.
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


def side_by_side(console: Console, cells: Sequence[Text], wide: Sequence[int]) -> Iterator[Text]:
    """A row's lines, each cell in its column."""
    from rich.text import Text

    folded = [folds(console, cell, width) for cell, width in zip(cells, wide, strict=True)]
    for parts in zip_longest(*folded):
        line = Text()
        for part, width in zip(parts, wide, strict=True):
            line.append_text(part or Text())
            line.append(" " * (width + GAP - (part.cell_len if part else 0)))
        line.rstrip()
        yield line


def flowing(console: Console, cells: Sequence[Text]) -> Iterator[Text]:
    """A row's lines, each cell behind the one before, as many in a line as fit."""
    from rich.text import Text

    line = Text()
    for cell in (each for each in cells if each):
        if line.plain.strip() and line.cell_len + GAP + cell.cell_len > console.width:
            yield line
            line = Text(" " * _HANGING)
        elif line.plain.strip():
            line.append(" " * GAP)
        first, *further = folds(console, cell, console.width - line.cell_len)
        line.append_text(first)
        for part in further:
            line.rstrip()
            yield line
            line = Text(" " * _HANGING).append_text(part)
    yield line


def folds(console: Console, text: Text, width: int) -> list[Text]:
    """The text in lines of a width: between words, else within them."""
    return list(text.wrap(console, max(width, 1), overflow="fold")) or [text]
