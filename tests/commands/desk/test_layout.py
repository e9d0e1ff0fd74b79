"""What prompt_toolkit makes of a shift: every cell of the screen, and the cursor."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from prompt_toolkit.application import Application
from prompt_toolkit.application.current import set_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.styles import default_ui_style

from pincli.commands.desk.layout import DeskLayout, style_of
from pincli.commands.desk.state import Listing, Shift
from pincli.results import Found
from pincli.views import layout
from pincli.views.blocks import Band, Block, Headline, Menu, Note, Tone
from tests.commands.desk.playing import PLAIN, Key, after, calling
from tests.commands.desk.test_rendering import SCREENS
from tests.support.terminal import cells
from tests.views.records import alice
from tests.views.screens import COLOURED, drawn

STYLED: list[Block] = [
    *(Headline(tone, "word", "about") for tone in Tone),
    *(Note("note", tone) for tone in Tone),
    *(Band(Headline(tone, "word")) for tone in Tone),
    Menu([("one",), ("two",)], 1),
]
TICKET = "T-4711" * 10


class Sized(DummyOutput):
    """A terminal of some size that shows nothing."""

    def __init__(self, columns: int, rows: int) -> None:
        self._size = Size(rows, columns)

    def get_size(self) -> Size:
        """The size."""
        return self._size


def screen_of(shift: Shift, columns: int = 80, rows: int = 24) -> tuple[list[str], tuple[int, int]]:
    """The screen's rows, and where the cursor is: row and column."""

    async def rendered() -> Any:
        line = Buffer(document=Document(shift.line), multiline=False)
        controller: Any = SimpleNamespace(shift=shift)
        whole = DeskLayout(controller, PLAIN, line).whole
        app: Application[None] = Application(
            whole, full_screen=True, input=DummyInput(), output=Sized(columns, rows)
        )
        with set_app(app):
            app.renderer.render(app, app.layout)
            screen = app.renderer.last_rendered_screen
            assert screen is not None
            return screen, screen.get_cursor_position(app.layout.current_window)

    screen, cursor = asyncio.run(rendered())
    text = [
        "".join(screen.data_buffer[row][column].char for column in range(columns))
        for row in range(rows)
    ]
    return text, (cursor.y, cursor.x)


@pytest.mark.rotating
@pytest.mark.parametrize("columns", [4, 14, 34, 60, 80, 100, 101, 200])
@pytest.mark.parametrize("rows", [2, 5, 8, 9, 15, 16, 24, 50])
def test_every_screen_is_drawn_at_every_size(columns: int, rows: int) -> None:
    """From 34 columns the last one stays free, and what matters is there."""
    for shift in (*SCREENS.values(), after(Shift(), f"alice {TICKET}"), after(Shift(), "a" * 150)):
        text, _ = screen_of(shift, columns, rows)
        if columns >= 34:
            assert {row[-1] for row in text} == {" "}
            if rows > 6:
                named = [word for word in ("VERIFIED", "alicia", "alice,") if word in str(text)]
                assert named or shift.line


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (80, 15), (60, 9), (120, 50)])
def test_the_parts_are_where_they_are_looked_for(columns: int, rows: int) -> None:
    """Head, line and foot; blank rows between them on a screen with room for them."""
    text, cursor = screen_of(after(Shift(), "alice T-4711"), columns, rows)
    blank = rows >= 16
    assert "0 verified" in text[0]
    assert set(text[1].rstrip()) == {"\u2500"}
    entry = 3 if blank else 2
    used = min(columns - 1, 100)
    assert text[entry][:used].rstrip() == f" caller alice T-4711{'ticket T-4711':>{used - 20}}"
    assert cursor == (entry, len(" caller alice T-4711"))
    assert "Enter find" in text[-1]
    if blank:
        assert {row.strip() for row in (text[2], text[4], text[-2])} == {""}


@pytest.mark.parametrize("digits", range(8))
def test_the_cursor_is_at_the_next_mark_of_a_pin(digits: int) -> None:
    """After the last one it is behind the marks."""
    text, cursor = screen_of(after(calling(), *"44415900"[:digits]))
    assert text[3].startswith(" PIN    " + " ".join("\u25cf" * digits + "\u25cb" * (6 - digits)))
    assert cursor == (3, 8 + 2 * min(digits, 6))


def test_a_list_longer_than_the_screen_is_scrolled_to_the_chosen_person() -> None:
    """The line above it stays."""
    shift = after(SCREENS["people"], Key.UP)
    text, _ = screen_of(shift, rows=6)
    assert [row for row in text if "people fit" in row]
    assert [row for row in text if "\u203a  bob" in row]


def test_the_screen_has_the_styles_of_every_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell looks as Rich draws it for the other commands."""
    toolkit = default_ui_style()

    def looks(parts: Any) -> list[Any]:
        return [
            (one, toolkit.get_attrs_for_style_str(style)) for style, text in parts for one in text
        ]

    parts = []
    for line in layout.lines(STYLED, COLOURED, 80):
        parts += [*((style_of(style), text) for text, style in line), ("", "\n")]
    by_rich = drawn(STYLED, COLOURED, monkeypatch, columns=80)
    assert cells(by_rich.partition("\n")[0]) > 0
    assert looks(parts) == looks(ANSI(by_rich).__pt_formatted_text__())


def test_a_row_that_is_too_wide_is_cut_with_a_sign() -> None:
    """So nobody takes the beginning of a login for the whole."""
    found = Found((alice(login="a" * 60), alice(login="\u6f22" * 30)))
    text, _ = screen_of(Shift(message=Listing(None, found)), 34, 12)
    cut = [row.rstrip() for row in text if row.rstrip().endswith("\u2026")]
    assert [row.lstrip(" \u203a")[:1] for row in cut] == ["a", "\u6f22"]
    assert {cells(row) for row in cut} <= {32, 33}
