"""What is drawn: never a digit of a PIN, always within the screen, whatever is pressed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pincli.commands.desk.keys import Key, KeyEvent, Paste, Text
from pincli.commands.desk.picture import masked, picture
from pincli.commands.desk.shift import completed, pressed, warned
from pincli.commands.desk.state import Check, Complete, LookUp, Shift
from pincli.config import Display
from pincli.models import User, Verdict
from pincli.views.full_screen import frame
from pincli.views.transcript import Transcript
from tests.commands.desk.playing import (
    LOCKED,
    MISSED,
    NAMES,
    PLAIN,
    SIXTH,
    VERIFIED,
    after,
    call,
    calling,
    drawn,
    printed,
    told,
)
from tests.support.terminal import cells
from tests.views.records import alice
from tests.views.screens import without_styles

KEYS = st.one_of(
    st.sampled_from(Key),
    st.text(max_size=12).map(Text),
    st.from_regex("[0-9]{1,7}", fullmatch=True).map(Text),
    st.text(max_size=12).map(Paste),
)
ANSWERS = st.sampled_from(
    [VERIFIED, MISSED, SIXTH, LOCKED, NAMES, alice(display_name="\u6f22" * 50)]
)
PINS = st.from_regex("[0-9]{6}", fullmatch=True)


@given(st.lists(st.tuples(KEYS, ANSWERS), max_size=30), st.integers(1, 120), st.integers(1, 40))
@example([(Text("alice"), VERIFIED), (Key.ENTER, VERIFIED)], 4, 7)
def test_any_keys_draw_within_the_screen(
    steps: list[tuple[KeyEvent, Verdict | User]], columns: int, rows: int
) -> None:
    """No key in any state is an error, and no size is too small to draw for."""
    shift = Shift()
    transcript = Transcript(PLAIN)
    for key, answer in steps:
        shift, effect = pressed(shift, key)
        if isinstance(effect, LookUp):
            shift = told(shift, answer)
        elif isinstance(effect, Check):
            shift = told(shift, answer if isinstance(answer, Verdict) else MISSED)
        elif isinstance(effect, Complete):
            shift = completed(shift, "ali", NAMES._replace(completes="ali", begun="ali"))
        transcript.continued(picture(shift))
        screen, (row, column) = frame(picture(shift), PLAIN, columns, rows)
        assert len(screen) == rows
        assert all(cells(line) <= columns for line in screen), screen
        assert 0 <= row < rows
        assert 0 <= column < max(columns, 2)


@given(PINS, PINS, st.booleans())
def test_two_pins_look_the_same(one: str, other: str, colour: bool) -> None:
    """Whatever is drawn or printed while a PIN is typed depends on its length alone."""
    display = Display(unicode=True, color=colour)
    seen = []
    for pin in (one, other):
        shifts = [calling()]
        for digit in pin:
            shifts.append(after(shifts[-1], digit))
        shifts.append(after(shifts[-1], Key.BACKSPACE))
        pictures = [picture(shift) for shift in shifts]
        transcript = Transcript(display)
        seen.append(
            (
                [frame(each, display, 80, 24) for each in pictures],
                [transcript.continued(each) for each in pictures],
            )
        )
    assert seen[0] == seen[1]


@given(PINS, PINS)
def test_two_pins_typed_as_a_login_look_the_same(one: str, other: str) -> None:
    """The wrong place for it: marks there too, alone and behind a login, at every digit."""
    for before in ("", "alice "):
        looks = []
        for pin in (one, other):
            typed = [after(Shift(), before + pin[:count]) for count in range(1, 7)]
            looks.append([drawn(shift) for shift in typed] + [printed(*typed)])
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
        ("alice T-4711", "alice T-4711"),
        ("\uff14\uff14", "**"),
    ],
)
def test_what_may_be_a_pin_is_masked(text: str, shown: str) -> None:
    """Of the same length, as the cursor has its place in it."""
    assert masked(text) == shown


def test_marks_are_one_a_digit() -> None:
    """Filled ones, and the places that are left."""
    assert "PIN    \u25cf \u25cf \u25cf \u25cb \u25cb \u25cb" in drawn(after(calling(), "444"))
    ascii_only = Display(unicode=False, color=False)
    rows = frame(picture(after(calling(), "444")), ascii_only, 80, 24).rows
    assert any("PIN    * * * _ _ _" in row for row in rows)
    assert "".join(rows).isascii()


def test_the_cursor_is_where_one_types() -> None:
    """In a name, in marks, and in a name of wide characters that is longer than the screen."""
    assert frame(picture(after(Shift(), "alice", Key.LEFT)), PLAIN, 80, 24).cursor == (3, 12)
    assert frame(picture(after(calling(), "444")), PLAIN, 80, 24).cursor == (3, 14)
    rows, (row, column) = frame(picture(after(Shift(), "\u6f22" * 60)), PLAIN, 40, 24)
    assert cells(rows[row]) <= 39
    assert column == cells(rows[row])


SCREENS = {
    "verified": call(Shift(), VERIFIED),
    "missed": call(Shift(), MISSED),
    "locked": call(Shift(), SIXTH),
    "calling": calling("T-4711"),
    "names": told(after(Shift(), "acme", Key.ENTER), NAMES),
    "warned": warned(call(Shift(), SIXTH), "the on_lock hook failed: it ended with 1"),
}


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 24), (200, 50), (60, 12), (34, 9)])
@pytest.mark.parametrize("name", SCREENS)
def test_what_matters_is_on_every_screen(name: str, columns: int, rows: int) -> None:
    """The verdict's word, or who is calling, has room even on the smallest screens."""
    screen = drawn(SCREENS[name], columns, rows)
    wanted = {"calling": "alice, acme", "names": "alicia", "verified": "\u2714"}
    assert wanted.get(name, "NOT VERIFIED") in screen
    assert ("VERIFIED" in screen) is (name not in ("calling", "names"))


def test_the_verdict_is_large_where_there_is_room() -> None:
    """Three rows as wide as the screen; in colour a band, without between two rules."""
    colour = Display(unicode=True, color=True)
    rows = frame(picture(SCREENS["verified"]), colour, 80, 24).rows
    band = [row for row in rows if "\x1b[1;30;42m" in row]
    assert len(band) == 3
    assert [cells(without_styles(row)) for row in band] == [79, 79, 79]
    assert "\u2714  VERIFIED" in band[1]
    rows = list(frame(picture(SCREENS["missed"]), PLAIN, 80, 24).rows)
    at = rows.index("\u2501" * 79)
    assert "\u2718  NOT VERIFIED" in rows[at + 1]
    assert rows[at + 2] == rows[at]


def test_nobody_looks_verified_before_the_pin_is() -> None:
    """The card of a caller has neither the sign nor the colour of a verdict."""
    colour = Display(unicode=True, color=True)
    screen = "".join(frame(picture(SCREENS["calling"]), colour, 80, 24).rows)
    assert "\u2714" not in screen
    assert "32m" not in screen
    assert ";42" not in screen


def test_a_long_list_is_shown_around_the_chosen_one() -> None:
    """Fifty users on 24 rows: the chosen one is in sight, and one is told how many there are."""
    names = NAMES._replace(rows=[(f"user{n:02}", "") for n in range(50)])
    shift = told(after(Shift(), "acme", Key.ENTER), names)
    assert "of 50" in drawn(shift)
    screen = drawn(after(shift, Key.UP))
    assert "\u203a  user49" in screen
    assert "user00" not in screen
    assert "Ctrl-D" in screen


def test_a_warning_is_printed_once() -> None:
    """Where there is no screen, it does not have the verdict said again."""
    locked = call(Shift(), SIXTH)
    late = warned(locked, "the on_lock hook failed: it ended with 1")
    text = printed(locked, late, after(late, "b"))
    assert text.count("VERIFIED") == 1
    assert text.count("the on_lock hook failed") == 1
    assert text.endswith("user: b")


def test_the_transcript_of_a_call() -> None:
    """Where there is no screen: each key's echo, each answer once, nothing twice."""
    steps = [Shift()]
    for key in ("al", "ice", Key.BACKSPACE, "e"):
        steps.append(after(steps[-1], key))
    steps.append(told(after(steps[-1], Key.ENTER), alice()))
    for key in ("444", "158"):
        steps.append(after(steps[-1], key))
    steps.append(told(after(steps[-1], Key.ENTER), MISSED))
    steps.append(after(steps[-1], "4"))
    steps.append(after(steps[-1], Key.ENTER))
    text = printed(*steps)
    assert "\x1b" not in text
    assert "user: alice\b \be\n" in text
    assert "PIN: ******\n\u2718 NOT VERIFIED\n" in text
    assert text.count("NOT VERIFIED") == 1
    assert text.endswith("PIN: *\n! 6 digits, please. That was a slip, not an attempt.\nPIN: ")
