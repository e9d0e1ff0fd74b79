"""What is drawn: never a digit of a PIN, always within the screen, whatever is pressed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.commands.desk.picture import masked
from pincli.commands.desk.state import Answer, Card, Check, Find, Open, Shift
from pincli.config import Display
from pincli.models import Verdict
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
    told,
)
from tests.support.terminal import cells
from tests.views.records import alice
from tests.views.screens import without_styles

KEYS = st.sampled_from(Key) | st.text(max_size=12) | st.from_regex("[0-9]{1,7}", fullmatch=True)
ANSWERS = st.sampled_from(
    [VERIFIED, MISSED, SIXTH, LOCKED, LIST, Card(alice(display_name="\u6f22" * 50), "T-1")]
)
PINS = st.from_regex("[0-9]{6}", fullmatch=True)
ASCII_ONLY = Display(unicode=False, color=False)
COLOUR = Display(unicode=True, color=True)


@given(st.lists(st.tuples(KEYS, ANSWERS), max_size=30), st.integers(1, 120), st.integers(1, 40))
@example([("alice", VERIFIED), (Key.ENTER, VERIFIED)], 4, 7)
def test_any_keys_draw_within_the_screen(
    steps: list[tuple[Key | str, Answer]], columns: int, rows: int
) -> None:
    """No key in any state is an error, and no size is too small to draw for."""
    shift = Shift()
    for key, answer in steps:
        shift, effect = press(shift, key)
        if isinstance(effect, Find | Open):
            shift = told(shift, answer)
        elif isinstance(effect, Check):
            shift = told(shift, answer if isinstance(answer, Verdict) else MISSED)
        screen = drawn(shift._replace(line="", pin=""), max(columns, 14), rows).splitlines()
        assert all(cells(line) <= max(columns, 14) for line in screen), screen


@given(PINS, PINS, st.sampled_from([COLOUR, ASCII_ONLY]))
def test_two_pins_look_the_same(one: str, other: str, display: Display) -> None:
    """Whatever is drawn while a PIN is typed depends on its length alone."""
    seen = []
    for pin in (one, other):
        shifts = [calling()]
        for key in (*pin, Key.BACKSPACE):
            shifts.append(after(shifts[-1], key))
        seen.append([drawn(shift, display=display) for shift in shifts])
    assert seen[0] == seen[1]


@given(PINS, PINS)
def test_two_pins_typed_as_a_login_look_the_same(one: str, other: str) -> None:
    """The wrong place for it: marks there too, alone and behind a login, at every digit."""
    for before in ("", "alice "):
        looks = [
            [drawn(after(Shift(), before + pin[:count])) for count in range(1, 7)]
            for pin in (one, other)
        ]
        assert looks[0] == looks[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice", "alice"),
        ("44", "**"),
        ("444159", "******"),
        ("4441599", "4441599"),
        ("user12", "user12"),
        ("alice 444159", "alice ******"),
        ("alice444159", "alice******"),
        ("alice #44", "alice #**"),
        ("alice T-4711", "alice T-4711"),
        ("\uff14\uff14", "**"),
    ],
)
def test_what_may_be_a_pin_is_masked(text: str, shown: str) -> None:
    """Of the same length, as the cursor has its place in it."""
    assert masked(text) == shown


def test_marks_are_one_a_digit() -> None:
    """Filled ones, and the places that are left."""
    shift = after(calling(), "444")
    assert "\u25cf \u25cf \u25cf \u25cb \u25cb \u25cb" in drawn(shift)
    assert "* * * _ _ _" in drawn(shift, display=ASCII_ONLY)
    assert drawn(shift, display=ASCII_ONLY).isascii()


SCREENS = {
    "verified": call(Shift(), VERIFIED),
    "missed": call(Shift(), MISSED),
    "locked": call(Shift(), SIXTH),
    "calling": calling("T-4711"),
    "people": told(after(Shift(), "acme", Key.ENTER), LIST),
    "warned": call(Shift(), SIXTH)._replace(warning="the on_lock hook failed"),
}


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 24), (200, 50), (60, 12), (34, 9)])
@pytest.mark.parametrize("name", SCREENS)
def test_what_matters_is_on_every_screen(name: str, columns: int, rows: int) -> None:
    """The verdict's word, or who is calling, has room even on the smallest screens."""
    screen = drawn(SCREENS[name], columns, rows)
    wanted = {"calling": "alice, acme", "people": "alicia", "verified": "\u2714"}
    assert wanted.get(name, "NOT VERIFIED") in screen
    assert ("VERIFIED" in screen) is (name not in ("calling", "people"))


def test_the_verdict_is_large_where_there_is_room() -> None:
    """Three rows as wide as the screen; in colour a band, without between two rules."""
    rows = drawn(SCREENS["verified"], display=COLOUR).splitlines()
    band = [row for row in rows if "\x1b[1;30;42m" in row]
    assert [cells(without_styles(row)) for row in band] == [79, 79, 79]
    assert "\u2714  VERIFIED" in band[1]
    rows = drawn(SCREENS["missed"]).splitlines()
    at = rows.index("\u2501" * 79)
    assert "\u2718  NOT VERIFIED" in rows[at + 1]
    assert rows[at + 2] == rows[at]


def test_nobody_looks_verified_before_the_pin_is() -> None:
    """The card of a caller has neither the sign nor the colour of a verdict."""
    screen = drawn(SCREENS["calling"], display=COLOUR)
    assert "\u2714" not in screen
    assert "32m" not in screen
    assert ";42" not in screen
