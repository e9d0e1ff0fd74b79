"""The shift as a state machine: whole calls, played without a terminal or a store."""

from __future__ import annotations

import re

import pytest

from pincli.commands.desk.shift import announced, gone_idle, holds_details, pasted, recalled
from pincli.commands.desk.state import (
    AddTicket,
    Announce,
    Check,
    Find,
    Listing,
    Open,
    Recent,
    Refusal,
    Remark,
    Shift,
)
from pincli.models import Verdict
from pincli.results import Found
from pincli.views.blocks import Problem
from pincli.views.desk import Tally
from tests.commands.desk.playing import (
    ALICIA,
    BOB,
    LIST,
    LOCKED,
    MISSED,
    PEOPLE,
    SIXTH,
    UNCOLLECTED,
    VERIFIED,
    Key,
    after,
    call,
    calling,
    drawn,
    press,
    told,
)
from tests.views.records import alice

FULL_DISK = Problem("unavailable", "the disk is full", "tell an admin")


def test_a_line_is_searched_for() -> None:
    """As it was typed; an empty one is nothing to search for."""
    assert press(Shift(), " Alice Smith T-4711 ", Key.ENTER)[1] == Find("Alice Smith T-4711")
    assert press(Shift(), "  ", Key.ENTER)[1] is None


@pytest.mark.parametrize("word", ["help", "?", "QUIT", "exit"])
def test_what_one_says_to_a_program_is_no_user(word: str) -> None:
    """It is answered, and nobody is searched for."""
    shift, effect = press(Shift(), word, Key.ENTER)
    assert (effect, shift.line) == (None, "")
    assert isinstance(shift.said, Remark | Recent)


def test_the_pin_is_asked_for_and_checked() -> None:
    """Six digits and Enter; the digits are gone from the state as they are handed on."""
    shift, effect = press(calling("T-1"), "444159", Key.ENTER)
    assert effect == Check(alice(), "444159", "T-1")
    assert shift.pin == ""
    assert shift.caller is not None


@pytest.mark.parametrize(
    "keys",
    [
        ("444", "159"),
        ("4441590", Key.BACKSPACE),
        ("999", Key.ERASE, "444159"),
        ("444 159",),
        ("444", " ", "-", "159"),
        ("a", Key.BACKSPACE, "444159"),
        ("444159\n",),
        (" 444-159 ",),
    ],
)
def test_ways_to_type_a_pin(keys: tuple[Key | str, ...]) -> None:
    """As it is said, corrected or pasted: the six digits are what is checked."""
    assert press(calling(), *keys, Key.ENTER)[1] == Check(alice(), "444159", None)


@pytest.mark.parametrize(
    "typed", ["12345", "1234567", "4" * 400, "12a456", "\uff11" * 6, "444159x", "x444159"]
)
def test_a_slip_is_asked_again(typed: str) -> None:
    """What `verify` would call malformed is nothing to check, whatever order it was typed in."""
    for keys in ((typed,), tuple(typed)):
        shift, effect = press(calling(), *keys, Key.ENTER)
        assert effect is None
        assert (shift.said, shift.pin) == (Remark.SLIP, "")
        assert shift.caller is not None
        assert shift.tally == Tally()


def test_enter_without_a_digit_is_no_attempt() -> None:
    """Nor does it end the call."""
    shift, effect = press(calling(), Key.ENTER)
    assert (effect, shift.said) == (None, Remark.STILL_OPEN)


@pytest.mark.parametrize("last", [VERIFIED, SIXTH, LOCKED, UNCOLLECTED])
def test_a_verdict_stays_until_the_next_call_begins(last: Verdict) -> None:
    """The next login's first letter takes it away: nobody is verified by another's verdict."""
    shift = call(Shift(), last)
    assert (shift.caller, shift.said) == (None, last)
    shift = after(shift, "b")
    assert shift.said is None
    assert "Alice" not in drawn(shift)


def test_after_a_miss_the_same_caller_may_try_again() -> None:
    """At once, with what is left; the first digit takes the old verdict away."""
    shift = call(Shift(), MISSED)
    assert shift.said == MISSED
    assert "NOT VERIFIED" in drawn(shift)
    shift = after(shift, "4")
    assert "VERIFIED" not in drawn(shift)
    assert "5 of 6 left" in drawn(shift)
    assert press(shift, "44159", Key.ENTER)[1] == Check(MISSED.user, "444159", None)


@pytest.mark.parametrize(
    ("calls", "tally"),
    [
        ([[VERIFIED]], Tally(1, 0, 0)),
        ([[MISSED]], Tally(0, 1, 0)),
        ([[MISSED, VERIFIED]], Tally(1, 0, 0)),
        ([[MISSED, MISSED, SIXTH]], Tally(0, 0, 1)),
        ([[VERIFIED], [VERIFIED], [SIXTH]], Tally(2, 0, 1)),
    ],
)
def test_the_tally_counts_calls_by_how_they_ended(calls: list[list[Verdict]], tally: Tally) -> None:
    """A caller who slips and then knows it is one call, verified."""
    shift = Shift()
    for verdicts in calls:
        shift = after(call(shift, *verdicts), Key.CANCEL)
    assert shift.tally == tally


def test_who_can_not_be_verified_is_a_call_too() -> None:
    """The verdict comes in the place of the question."""
    shift = told(after(Shift(), "alice", Key.ENTER), LOCKED)
    assert (shift.caller, shift.tally) == (None, Tally(locked=1))
    shift = told(after(shift, "uma", Key.ENTER), UNCOLLECTED)
    assert shift.tally == Tally(refused=1, locked=1)


@pytest.mark.parametrize("typed", ["", "444", "444159"])
def test_a_call_is_cancelled(typed: str) -> None:
    """Nothing is left of it but the remark that nothing was counted."""
    shift, effect = press(calling(), typed, Key.CANCEL)
    assert effect is None
    assert (shift.caller, shift.pin, shift.said) == (None, "", Remark.CANCELLED)
    assert not holds_details(shift)


def test_ending_a_call_after_a_miss_says_nothing_of_the_count() -> None:
    """It was counted: `nothing was counted` would be a lie."""
    shift = after(call(Shift(), MISSED), Key.CANCEL)
    assert (shift.caller, shift.said) == (None, None)
    assert shift.tally == Tally(refused=1)


def test_a_line_that_finds_nobody_is_corrected() -> None:
    """The line stays as it was typed; what is typed on is searched for without being recorded."""
    shift = told(after(Shift(), "alcie T-1", Key.ENTER), Listing("T-1", Found((), near=("alice",))))
    assert "nobody fits" in drawn(shift)
    assert "alice" in drawn(shift)
    shift, effect = press(shift, *[Key.BACKSPACE] * 7)
    assert effect == Find("al", narrows=True)
    assert press(shift, "ice T-1", Key.ENTER)[1] == Find("alice T-1")


def test_one_of_several_is_chosen() -> None:
    """The first at once, the others by the arrows, round and round; the ticket is kept."""
    shift = told(after(Shift(), "ali T-1", Key.ENTER), LIST)
    assert press(shift, Key.ENTER)[1] == Open(PEOPLE.people[0], "T-1")
    assert press(shift, Key.DOWN, Key.ENTER)[1] == Open(ALICIA, "T-1")
    assert press(shift, Key.UP, Key.ENTER)[1] == Open(BOB, "T-1")
    assert press(shift, *[Key.DOWN] * 4, Key.ENTER)[1] == Open(ALICIA, "T-1")


def test_typing_narrows_the_list() -> None:
    """Each letter searches again, and the first one is chosen again; an emptied line ends it."""
    shift, effect = press(told(after(Shift(), "ali", Key.ENTER), LIST), Key.DOWN, "c")
    assert effect == Find("alic", narrows=True)
    shift = told(shift, Listing(None, Found((ALICIA,))))
    assert press(shift, Key.ENTER)[1] == Open(ALICIA, None)
    assert after(shift, Key.ERASE).said is None


def test_the_person_is_on_the_screen_before_the_pin_is_asked_for() -> None:
    """Login and account on a line of their own, the name last; also on the smallest screen."""
    for rows in (24, 9):
        screen = drawn(calling("T-4711"), 80, rows).splitlines()
        assert any(re.fullmatch(r" +user +alice, acme", row.rstrip()) for row in screen)
        assert re.fullmatch(r" +name +Alice Example", screen[-2].rstrip())


def test_a_ticket_is_seen_before_enter() -> None:
    """What is taken for one stands beside the line; six digits are hidden in it."""
    assert "ticket T-4711" in drawn(after(Shift(), "alice T-4711"))
    assert "ticket ******" in drawn(after(Shift(), "alice #444159"))
    assert "ticket" not in drawn(after(Shift(), "alice smith")).splitlines()[2]


def test_a_call_that_can_not_be_answered_is_a_no() -> None:
    """Not verified, with the reason; it is nobody's verdict, so no tally."""
    shift = told(after(calling(), "444159", Key.ENTER), Refusal(FULL_DISK))
    assert (shift.caller, shift.tally) == (None, Tally())
    assert "NOT VERIFIED" in drawn(shift)
    assert "the disk is full" in drawn(shift)
    assert press(shift, "alice", Key.ENTER)[1] == Find("alice")


def test_a_warning_stands_beside_a_verdict() -> None:
    """What went wrong with a hook is told without pushing the verdict aside."""
    shift = call(Shift(), SIXTH)._replace(warning="the on_lock hook failed: it ended with 1")
    assert "NOT VERIFIED" in drawn(shift)
    assert "the on_lock hook failed" in drawn(shift)


@pytest.mark.parametrize(
    "shift",
    [
        after(Shift(), "al"),
        after(calling(), "44"),
        call(Shift(), VERIFIED),
        call(Shift(), MISSED),
        told(after(Shift(), "acme", Key.ENTER), LIST),
        told(after(Shift(), "alcie", Key.ENTER), Problem("unknown_user", "unknown", "h")),
    ],
    ids=["name", "PIN", "verdict", "miss", "people", "problem"],
)
def test_an_idle_desk_is_cleared(shift: Shift) -> None:
    """Nothing of a caller is left but the tally; the remark alone is nothing to clear."""
    cleared = gone_idle(shift)
    assert (cleared.caller, cleared.pin, cleared.line) == (None, "", "")
    assert cleared.said is Remark.CLEARED
    assert cleared.tally == shift.tally
    assert gone_idle(cleared) is cleared


def test_nothing_is_cleared_where_nothing_is() -> None:
    """An idle desk between two calls stays as it is."""
    assert gone_idle(Shift()) == Shift()


def test_no_repr_tells_the_pin() -> None:
    """The state and what it asks for may stand in a traceback."""
    shift = after(calling(), "444159")
    named = after(Shift(), "444159")
    effects = [press(shift, Key.ENTER)[1], press(named, Key.ENTER)[1]]
    assert "444159" not in repr((shift, named, effects))
    assert "alice" in repr(shift)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Alice\ta@x.example\tT-1\n", "Alice; a@x.example; T-1"),
        ("alice\r\nbob", "alice"),
        ("  alice \n", "alice"),
        ("al\x1b[Aice\x07", "al[Aice"),
        ("\n", ""),
    ],
)
def test_a_paste_is_one_printable_line(text: str, line: str) -> None:
    """Whatever the clipboard holds, it is nothing but what one could have typed."""
    assert pasted(text) == line


def test_a_ticket_is_added_to_a_verdict() -> None:
    """A # begins it, and the verdict stays meanwhile; where nothing was compared it is a word."""
    compared = VERIFIED._replace(attempt=7)
    shift = call(Shift(), compared)
    assert "add a ticket" in drawn(shift, 100)
    shift, effect = press(shift, "#T-1")
    assert (shift.said, effect) == (compared, None)
    shift, effect = press(shift, Key.ENTER)
    assert effect == AddTicket(compared, "T-1")
    assert after(shift, " alice").said is None
    assert isinstance(press(call(Shift(), LOCKED), "#T-1", Key.ENTER)[1], Find)
    shift = told(shift, Remark.TICKET_ADDED)
    assert (shift.line, shift.tally) == ("", Tally(verified=1))
    assert drawn(recalled(shift)).count("T-1\n") == 1


def test_the_agent_s_own_last_calls() -> None:
    """The latest first; tries in one call are one; they go from the screen as all does."""
    shift = call(call(Shift(), MISSED, VERIFIED), SIXTH)
    shift = recalled(shift)
    rows = [row.split() for row in drawn(shift).splitlines() if "acme" in row][-2:]
    assert [row[:2] for row in rows] == [["incorrect", "alice"], ["verified", "alice"]]
    assert holds_details(shift)
    assert recalled(calling()) == calling()


def test_a_call_is_announced_while_its_card_is_open() -> None:
    """The digits typed so far stay."""
    shift = after(calling("T-1"), "44")
    assert announced(shift)[1] == Announce(alice(), "T-1")
    assert "you are calling" in drawn(told(shift, Remark.CALLED))
    assert told(shift, Remark.CALLED).pin == "44"
    assert announced(Shift())[1] is None
