"""What is drawn: never a digit of a PIN, always within the screen, whichever keys are pressed."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.commands.desk.rendering import keys, masked, message
from pincli.commands.desk.rendering import ticket as ticket_of
from pincli.commands.desk.state import Card, Check, Find, Open, Response, Shift
from pincli.config import Display
from pincli.models import Verdict
from pincli.views import desk as view
from pincli.views.folding import Line
from tests.commands.desk.playing import (
    LIST,
    LOCKED,
    MISSED,
    SIXTH,
    VERIFIED,
    Key,
    after,
    call,
    calling,
    drawn,
    press,
    respond,
)
from tests.support.terminal import cells
from tests.views.records import alice

KEYS = st.sampled_from(Key) | st.text(max_size=12) | st.from_regex("[0-9]{1,7}", fullmatch=True)
RESPONSES = st.sampled_from(
    [VERIFIED, MISSED, SIXTH, LOCKED, LIST, Card(alice(display_name="\u6f22" * 50), "T-1")]
)
PINS = st.from_regex("[0-9]{6}", fullmatch=True)
SITE = re.compile("[0-9]{4}|[0-9]{6}")
ASCII_ONLY = Display(unicode=False, color=False)
COLOUR = Display(unicode=True, color=True)


@given(st.lists(st.tuples(KEYS, RESPONSES), max_size=30), st.integers(1, 120), st.integers(1, 40))
@example([("alice", VERIFIED), (Key.ENTER, VERIFIED)], 4, 7)
def test_any_keys_draw_within_the_screen(
    steps: list[tuple[Key | str, Response | Verdict]], columns: int, rows: int
) -> None:
    """No key is an error in any state, and no screen is too small."""
    shift = Shift()
    for key, response in steps:
        shift, request = press(shift, key)
        if isinstance(request, Find | Open):
            shift = respond(shift, response)
        elif isinstance(request, Check):
            shift = respond(shift, response if isinstance(response, Verdict) else MISSED)
        screen = drawn(shift._replace(line="", pin=""), max(columns, 14), rows).splitlines()
        assert all(cells(line) <= max(columns, 14) for line in screen), screen


@given(PINS, PINS)
def test_two_pins_look_the_same(one: str, other: str) -> None:
    """In their place, alone as a login or after one, what is drawn depends on the length alone."""
    for before, display in (
        (calling(), COLOUR),
        (calling(), ASCII_ONLY),
        (Shift(), ASCII_ONLY),
        (after(Shift(), "alice "), ASCII_ONLY),
    ):
        first, second = (
            [drawn(after(before, pin[:count]), display=display) for count in range(1, 7)]
            for pin in (one, other)
        )
        assert first == second


@pytest.mark.parametrize(
    ("text", "line", "ticket"),
    [
        ("alice smith", "alice smith", ""),
        ("44", "**", ""),
        ("444159", "******", ""),
        ("4441599", "4441599", ""),
        ("user12", "user12", ""),
        ("alice 444159", "alice ******", ""),
        ("alice444159", "alice******", ""),
        ("\uff14\uff14", "**", ""),
        ("alice T-4711", "alice T-4711", "ticket T-4711"),
        ("alice #44", "alice #**", "ticket **"),
        ("alice #444159", "alice #******", "ticket ******"),
        ("alice 4711", "alice ****", "ticket ****"),
    ],
)
def test_what_may_be_a_pin_is_masked(text: str, line: str, ticket: str) -> None:
    """The line keeps its length, so that the cursor stays in place; a ticket is shown as one."""
    shift = after(Shift(), text)
    assert (masked(shift), ticket_of(shift)) == (line, ticket)


@pytest.mark.parametrize(
    ("text", "line", "ticket"),
    [
        ("alice 4711", "alice 4711", "ticket 4711"),
        ("4711 4711", "**** 4711", "ticket 4711"),
        ("alice 471", "alice ***", ""),
        ("alice 444159", "alice 444159", "ticket 444159"),
        ("444159", "******", ""),
        ("alice #444", "alice #***", "ticket ***"),
    ],
)
def test_a_ticket_of_the_site_is_shown_as_typed(text: str, line: str, ticket: str) -> None:
    """The site's pattern decides."""
    shift = after(Shift(tickets=SITE), text)
    assert (masked(shift), ticket_of(shift)) == (line, ticket)


@pytest.mark.parametrize(("tickets", "shown"), [(None, r"\*{6}"), (SITE, "444159")])
def test_six_digits_on_a_card_are_shown_where_they_are_a_ticket(
    tickets: re.Pattern[str] | None, shown: str
) -> None:
    """The pattern decides there too."""
    card = respond(Shift(tickets=tickets), Card(alice(), "444159"))
    assert re.search(f"ticket +{shown}", drawn(card))


def test_each_digit_of_a_pin_is_a_mark() -> None:
    """Filled marks, and empty ones for the digits that are missing."""
    shift = after(calling(), "444")
    assert "\u25cf \u25cf \u25cf \u25cb \u25cb \u25cb" in drawn(shift)
    assert "* * * _ _ _" in drawn(shift, display=ASCII_ONLY)
    assert drawn(shift, display=ASCII_ONLY).isascii()


SCREENS = {
    "verified": call(Shift(), VERIFIED),
    "missed": call(Shift(), MISSED),
    "locked": call(Shift(), SIXTH),
    "calling": calling("T-4711"),
    "people": respond(after(Shift(), "acme", Key.ENTER), LIST),
    "warned": call(Shift(), SIXTH)._replace(warning="the on_lock hook failed"),
}


def lines_of(shift: Shift) -> list[Line]:
    """What is below the line typed in, on a screen of the usual size."""
    return [*view.message_lines(message(shift), COLOUR, 79, 24)]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 24), (200, 50), (60, 12), (34, 9)])
@pytest.mark.parametrize("name", SCREENS)
def test_what_matters_is_on_every_screen(name: str, columns: int, rows: int) -> None:
    """Even the smallest screen shows the verdict, or who is calling."""
    screen = drawn(SCREENS[name], columns, rows)
    wanted = {"calling": "alice, acme", "people": "alicia", "verified": "\u2714"}
    assert wanted.get(name, "NOT VERIFIED") in screen
    assert ("VERIFIED" in screen) is (name not in ("calling", "people"))


@pytest.mark.parametrize("name", SCREENS)
def test_the_keys_fit_into_80_columns(name: str) -> None:
    """None is left out at the usual size."""
    foot = drawn(SCREENS[name]).splitlines()[-1]
    assert all(f"{key} {meaning}" in foot for key, meaning in keys(SCREENS[name]))


def test_the_verdict_is_large_where_there_is_room() -> None:
    """Three rows as wide as the screen: a band in colour, else two rules."""
    large = lines_of(SCREENS["verified"])
    band = [text for line in large for text, style in line if style == "bold black on green"]
    assert [cells(text) for text in band] == [79, 79, 79]
    assert "\u2714  VERIFIED" in band[1]
    rows = drawn(SCREENS["missed"]).splitlines()
    at = rows.index("\u2501" * 79)
    assert "\u2718  NOT VERIFIED" in rows[at + 1]
    assert rows[at + 2] == rows[at]


def test_nobody_looks_verified_before_the_pin_is() -> None:
    """The caller's card has neither the sign nor the colour of a verdict."""
    assert "\u2714" not in drawn(SCREENS["calling"])
    styles = {style for line in lines_of(SCREENS["calling"]) for _, style in line}
    assert styles <= {"", "dim"}
