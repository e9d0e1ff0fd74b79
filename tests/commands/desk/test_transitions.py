"""The state machine: whole calls, played without a terminal or a store."""

from __future__ import annotations

import re

import pytest

from pincli.commands.desk.state import (
    AddTicket,
    Announce,
    Check,
    Failure,
    Find,
    LastCalls,
    Listing,
    Open,
    Remark,
    Shift,
    TicketAdded,
)
from pincli.commands.desk.transitions import (
    announce_call,
    clear_idle,
    holds_details,
    list_calls,
    pasted_line,
)
from pincli.models import Verdict
from pincli.results import Found
from pincli.views.answer import Problem
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
    respond,
)
from tests.views.records import alice

FULL_DISK = Problem("unavailable", "the disk is full", "tell an admin")


def test_a_line_is_searched_for() -> None:
    """As typed; an empty line is not searched for."""
    assert press(Shift(), " Alice Smith T-4711 ", Key.ENTER)[1] == Find("Alice Smith T-4711")
    assert press(Shift(), "  ", Key.ENTER)[1] is None


@pytest.mark.parametrize("word", ["help", "?", "QUIT", "exit"])
def test_a_word_for_a_program_is_no_user(word: str) -> None:
    """`help` and `quit` are answered, and nobody is searched for."""
    shift, request = press(Shift(), word, Key.ENTER)
    assert (request, shift.line) == (None, "")
    assert isinstance(shift.message, Remark | LastCalls)


def test_the_pin_is_asked_for_and_checked() -> None:
    """Six digits and Enter; the state forgets the digits as it hands them on."""
    shift, request = press(calling("T-1"), "444159", Key.ENTER)
    assert request == Check(alice(), "444159", "T-1")
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
    """Typed in groups, corrected or pasted, the PIN is the same six digits."""
    assert press(calling(), *keys, Key.ENTER)[1] == Check(alice(), "444159", None)


@pytest.mark.parametrize(
    "typed", ["12345", "1234567", "4" * 400, "12a456", "\uff11" * 6, "444159x", "x444159"]
)
def test_a_slip_is_asked_again(typed: str) -> None:
    """A malformed answer is not checked, pasted or typed key by key."""
    for keys in ((typed,), tuple(typed)):
        shift, request = press(calling(), *keys, Key.ENTER)
        assert request is None
        assert (shift.message, shift.pin) == (Remark.SLIP, "")
        assert shift.caller is not None
        assert shift.tally == Tally()


def test_enter_without_a_digit_is_no_attempt() -> None:
    """It doesn't end the call either."""
    shift, request = press(calling(), Key.ENTER)
    assert (request, shift.message) == (None, Remark.STILL_OPEN)


@pytest.mark.parametrize("last", [VERIFIED, SIXTH, LOCKED, UNCOLLECTED])
def test_a_verdict_stays_until_the_next_call_begins(last: Verdict) -> None:
    """The first letter of the next login clears it, so it can't be taken for the next caller's."""
    shift = call(Shift(), last)
    assert (shift.caller, shift.message) == (None, last)
    shift = after(shift, "b")
    assert shift.message is None
    assert "Alice" not in drawn(shift)


@pytest.mark.parametrize(
    ("calls", "tally"),
    [
        ([[VERIFIED]], Tally(1, 0, 0)),
        ([[MISSED]], Tally(0, 1, 0)),
        ([[MISSED, VERIFIED]], Tally(1, 0, 0)),
        ([[MISSED, MISSED, SIXTH]], Tally(0, 0, 1)),
        ([[VERIFIED], [VERIFIED], [SIXTH]], Tally(2, 0, 1)),
        ([[LOCKED], [UNCOLLECTED]], Tally(0, 1, 1)),
    ],
)
def test_the_tally_counts_calls_by_how_they_ended(calls: list[list[Verdict]], tally: Tally) -> None:
    """A caller who slips and then gives the right PIN is one call, verified."""
    shift = Shift()
    for verdicts in calls:
        shift = after(call(shift, *verdicts), Key.CANCEL)
    assert shift.tally == tally


@pytest.mark.parametrize("typed", ["", "444", "444159"])
def test_a_call_is_cancelled(typed: str) -> None:
    """Only the remark that nothing was counted is left."""
    shift, request = press(calling(), typed, Key.CANCEL)
    assert request is None
    assert (shift.caller, shift.pin, shift.message) == (None, "", Remark.CANCELLED)
    assert not holds_details(shift)


def test_a_call_that_ends_after_a_miss_is_not_called_uncounted() -> None:
    """The attempt was counted."""
    shift = after(call(Shift(), MISSED), Key.CANCEL)
    assert (shift.caller, shift.message) == (None, None)
    assert shift.tally == Tally(refused=1)


def test_one_of_several_is_chosen() -> None:
    """The first is chosen already, the arrows go round, and the ticket is kept."""
    shift = respond(after(Shift(), "ali T-1", Key.ENTER), LIST)
    assert press(shift, Key.ENTER)[1] == Open(PEOPLE.people[0], "T-1")
    assert press(shift, Key.DOWN, Key.ENTER)[1] == Open(ALICIA, "T-1")
    assert press(shift, Key.UP, Key.ENTER)[1] == Open(BOB, "T-1")
    assert press(shift, *[Key.DOWN] * 4, Key.ENTER)[1] == Open(ALICIA, "T-1")


def test_typing_narrows_the_list() -> None:
    """Each letter searches again and chooses the first; an empty line ends the list."""
    shift, request = press(respond(after(Shift(), "ali", Key.ENTER), LIST), Key.DOWN, "c")
    assert request == Find("alic", narrows=True)
    shift = respond(shift, Listing(None, Found((ALICIA,))))
    assert press(shift, Key.ENTER)[1] == Open(ALICIA, None)
    assert after(shift, Key.ERASE).message is None


def test_the_person_is_on_the_screen_before_the_pin_is_asked_for() -> None:
    """Login and account have a line of their own and the name comes last, on any screen."""
    for rows in (24, 9):
        screen = drawn(calling("T-4711"), 80, rows).splitlines()
        assert any(re.fullmatch(r" +user +alice, acme", row.rstrip()) for row in screen)
        assert re.fullmatch(r" +name +Alice Example", screen[-2].rstrip())


def test_a_call_that_can_not_be_answered_is_a_no() -> None:
    """Not verified, with the reason. It is no verdict, so it isn't counted."""
    shift = respond(after(calling(), "444159", Key.ENTER), Failure(FULL_DISK))
    assert (shift.caller, shift.tally) == (None, Tally())
    assert "NOT VERIFIED" in drawn(shift)
    assert "the disk is full" in drawn(shift)
    assert press(shift, "alice", Key.ENTER)[1] == Find("alice")


def test_a_warning_is_shown_together_with_a_verdict() -> None:
    """A hook that fails doesn't take the verdict away; both go with the next call."""
    shift = call(Shift(), SIXTH)._replace(warning="the on_lock hook failed: it ended with 1")
    assert "NOT VERIFIED" in drawn(shift)
    assert "the on_lock hook failed" in drawn(shift)
    assert "the on_lock hook failed" not in drawn(after(shift, "b"))


@pytest.mark.parametrize(
    "shift",
    [
        after(Shift(), "al"),
        after(calling(), "44"),
        call(Shift(), VERIFIED),
        call(Shift(), MISSED),
        respond(after(Shift(), "acme", Key.ENTER), LIST),
        respond(after(Shift(), "alcie", Key.ENTER), Problem("unknown_user", "unknown", "h")),
    ],
    ids=["name", "PIN", "verdict", "miss", "people", "problem"],
)
def test_an_idle_desk_is_cleared(shift: Shift) -> None:
    """Only the tally is left of a caller; with nothing to clear the state stays as it is."""
    cleared = clear_idle(shift)
    assert (cleared.caller, cleared.pin, cleared.line) == (None, "", "")
    assert cleared.message is Remark.CLEARED
    assert cleared.tally == shift.tally
    assert clear_idle(cleared) is cleared
    assert clear_idle(Shift()) == Shift()


def test_no_repr_shows_the_pin() -> None:
    """A traceback may show the state and its requests."""
    shift = after(calling(), "444159")
    named = after(Shift(), "444159")
    added = after(call(Shift(), VERIFIED._replace(attempt=7)), "#444159")
    requests = [press(each, Key.ENTER)[1] for each in (shift, named, added)]
    assert isinstance(requests[2], AddTicket)
    assert "444159" not in repr((shift, named, added, requests))
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
    """A paste adds only what can be typed."""
    assert pasted_line(text) == line


def test_a_ticket_is_added_to_a_verdict() -> None:
    """Typed after a #, while the verdict stays; without a compared answer it is searched for."""
    compared = VERIFIED._replace(attempt=7)
    shift = call(Shift(), compared)
    assert "add a ticket" in drawn(shift, 100)
    shift, request = press(shift, "#T-1")
    assert (shift.message, request) == (compared, None)
    shift, request = press(shift, Key.ENTER)
    assert request == AddTicket(compared, "T-1")
    assert after(shift, " alice").message is None
    assert isinstance(press(call(Shift(), LOCKED), "#T-1", Key.ENTER)[1], Find)
    shift = respond(shift, TicketAdded("T-1"))
    assert (shift.line, shift.tally) == ("", Tally(verified=1))
    assert drawn(list_calls(shift)).count("T-1\n") == 1


def test_the_agents_own_last_calls() -> None:
    """The latest first, one a call, and cleared like any other details."""
    shift = list_calls(call(call(Shift(), MISSED, VERIFIED), SIXTH))
    rows = [row.split() for row in drawn(shift).splitlines() if "10:00" in row]
    assert [row[1:3] for row in rows] == [["incorrect", "alice"], ["verified", "alice"]]
    assert holds_details(shift)
    assert list_calls(calling()) == calling()


def test_a_call_is_announced_while_its_card_is_open() -> None:
    """The digits typed so far stay."""
    shift = after(calling("T-1"), "44")
    assert announce_call(shift)[1] == Announce(alice(), "T-1")
    shift = respond(shift, Remark.ANNOUNCED)
    assert "you are calling" in drawn(shift)
    assert shift.pin == "44"
    assert announce_call(Shift())[1] is None
