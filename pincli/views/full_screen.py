"""The desk as a full screen: which row shows what, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pincli.config import Display
from pincli.rules.pins import PIN_LENGTH
from pincli.views.blocks import Band, Block, Menu
from pincli.views.desk import Entry, Marks, Picture, counts
from pincli.views.sanitiser import shown
from pincli.views.terminal import Styled, row_of, rows_of, width_of

_TITLE = "pincli desk"
_WIDEST = 100
"""Beyond this, a line is tiring to read."""
_LABEL = 8
_ROOMY = 16
"""From so many rows on there is room for blank ones."""
_GAP = "   "
_MARGIN = " "


class Frame(NamedTuple):
    """The rows of the screen from the top, and where the cursor is: row and column, from 0."""

    rows: Sequence[str]
    cursor: tuple[int, int]


def frame(picture: Picture, display: Display, columns: int, rows: int) -> Frame:
    """The picture at this size. What has no room is left out: the keys, the title, the rest."""
    # The last column stays free: some terminals wrap as soon as it is written.
    width = max(1, min(columns - 1, _WIDEST))
    entry, column = _entry(picture.entry, display, width)
    roomy = rows >= _ROOMY
    blank = [""] if roomy else []
    head = _head(picture, display, width) if rows > _ROOMY // 2 else []
    foot = [*blank, _foot(picture, display, width)] if rows > _ROOMY // 2 else []
    above = [*head, *blank]
    room = max(0, rows - len(above) - 1 - len(blank) - len(foot))
    body = _body(
        [*picture.said, *picture.standing, *picture.warning], display, width, room, roomy=roomy
    )
    shown_rows = [*above, entry, *blank, *body]
    shown_rows += [""] * (rows - len(shown_rows) - len(foot)) + foot
    return Frame(shown_rows[:rows], (min(len(above), rows - 1), column))


def _head(picture: Picture, display: Display, width: int) -> list[str]:
    tally = counts(picture.tally)
    if width_of(tally) + len(_MARGIN) > width:
        tally = counts(picture.tally, short=True)
    gap = width - len(_MARGIN) - width_of(_TITLE) - width_of(tally)
    parts = [(_MARGIN, Styled.PLAIN), (_TITLE, Styled.STRONG), (" " * gap, Styled.PLAIN)]
    if gap < len(_GAP):
        parts = [(_MARGIN, Styled.PLAIN)]
    line = "\u2500" if display.unicode else "-"
    return [
        row_of([*parts, (tally, Styled.PLAIN)], display, width),
        row_of([(line * width, Styled.QUIET)], display, width),
    ]


def _foot(picture: Picture, display: Display, width: int) -> str:
    parts = [(_MARGIN, Styled.PLAIN)]
    room = width - len(_MARGIN)
    for key, meaning in picture.keys:
        needed = width_of(f"{key} {meaning}{_GAP}")
        if needed - len(_GAP) > room:
            break
        parts += [(key, Styled.STRONG), (f" {meaning}{_GAP}", Styled.QUIET)]
        room -= needed
    return row_of(parts, display, width)


def _entry(entry: Entry | Marks, display: Display, width: int) -> tuple[str, int]:
    """The row that is typed in, and the cursor's column."""
    label = f"{_MARGIN}{entry.label}".ljust(_LABEL)
    room = width - len(label) - 1
    if isinstance(entry, Marks):
        text, column = _marks(entry.digits, display, room)
        style = Styled.WARNING if entry.wrong else Styled.STRONG
    else:
        text, column = _window(entry, display, room)
        style = Styled.STRONG
    row = row_of([(label, Styled.QUIET), (text, style)], display, width)
    return row, min(len(label) + column, max(0, width - 1))


def _marks(digits: int, display: Display, room: int) -> tuple[str, int]:
    mark, slot = ("\u25cf", "\u25cb") if display.unicode else ("*", "_")
    marks = [mark] * digits + [slot] * (PIN_LENGTH - digits)
    cut = marks[: max(1, (room + 1) // 2)]
    return " ".join(cut), 2 * min(digits, len(cut))


def _window(entry: Entry, display: Display, room: int) -> tuple[str, int]:
    """As much of a line as fits, the cursor always in it."""
    characters = [shown(each, unicode=display.unicode) for each in entry.text]
    start = 0
    while start < entry.cursor and width_of("".join(characters[start : entry.cursor])) > room:
        start += 1
    before = "".join(characters[start : entry.cursor])
    return before + "".join(characters[entry.cursor :]), width_of(before)


def _body(
    blocks: Sequence[Block], display: Display, width: int, room: int, *, roomy: bool
) -> list[str]:
    small = [block.headline if isinstance(block, Band) else block for block in blocks]
    drawn: list[str] = []
    for choice in (blocks, small) if roomy else (small,):
        parts = [
            [] if isinstance(block, Menu) else _spaced(block, display, width, roomy=roomy)
            for block in choice
        ]
        left = room - sum(map(len, parts))
        drawn = [
            row
            for block, part in zip(choice, parts, strict=True)
            for row in (
                _indented([_fitted(block, left)], display, width)
                if isinstance(block, Menu)
                else part
            )
        ]
        if len(drawn) <= room:
            break
    return drawn[:room]


def _spaced(block: Block, display: Display, width: int, *, roomy: bool) -> list[str]:
    if isinstance(block, Band):
        return [*rows_of([block], display, width), *([""] if roomy else [])]
    return _indented([block], display, width)


def _indented(blocks: Sequence[Block], display: Display, width: int) -> list[str]:
    return [_MARGIN + row for row in rows_of(blocks, display, width - len(_MARGIN))]


def _fitted(menu: Menu, room: int) -> Menu:
    """As many rows of a menu as there is room for, the chosen one among them."""
    if len(menu.rows) + bool(menu.more) <= room:
        return menu
    room = max(1, room - 1)
    start = max(0, min((menu.chosen or 0) - room // 2, len(menu.rows) - room))
    rows = menu.rows[start : start + room]
    where = f"{start + 1} to {start + len(rows)} of {len(menu.rows)}"
    return Menu(
        rows,
        None if menu.chosen is None else menu.chosen - start,
        ", ".join(filter(None, (where, menu.more))),
    )
