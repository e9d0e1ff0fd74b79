"""A process stopped between charge and settle: others go on, and later its verdict is true.

Every change in between is tried by operations/test_lockout_machine.py and
store/steps/test_attempts.py; here are those that need a process of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pincli.models import EventKind, Outcome, PinOrigin
from pincli.operations import locks, pins
from pincli.operations.people import require_user
from pincli.store.steps.pins import collect
from tests.support.desk import Desk
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    Forks,
    Run,
    asked,
    count,
    guess_wrong,
    nothing_impossible,
    stopped_verify,
    verify_of,
    withdraw,
)
from tests.support.failpoints import Plan

pytestmark = pytest.mark.engines

AT_ONCE = Plan(longest_wait=0.001)


@pytest.fixture
def alice(desk: Desk) -> Desk:
    """A store with alice and bob."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    return desk


@pytest.mark.parametrize(("pin", "code"), [(RIGHT, 0), (WRONG, 3)])
def test_others_go_on_at_once(alice: Desk, forks: Forks, pin: str, code: int) -> None:
    """Later it reports the outcome of its own answer."""
    with stopped_verify(alice, "alice", pin) as run:
        callers = (("bob", OTHER), ("alice", WRONG), ("alice", RIGHT))
        answered = [forks.verify(alice, user, answer, AT_ONCE) for user, answer in callers]
        assert [ran.code for ran in answered] == [0, 3, 0]
        answered.append(run.continued())
    assert answered[-1].code == code
    nothing_impossible(alice, [ran.answer for ran in answered])


@pytest.mark.parametrize(("pin", "code"), [(RIGHT, 0), (WRONG, 3)])
def test_alone_it_settles_its_own_attempt(alice: Desk, pin: str, code: int) -> None:
    """As if it had never been stopped."""
    with stopped_verify(alice, "alice", pin) as run:
        assert run.continued().code == code
    nothing_impossible(alice)


def _collected_again(desk: Desk) -> None:
    """Withdraw the PIN, and issue the same one again."""
    withdraw(desk, "alice")
    with desk.session() as session:
        user = require_user(session, "alice")
        new = pins.prepare(session, user, RIGHT, PinOrigin.GENERATED)
        session.store.write(collect, user, new)


def _locked_and_unlocked(desk: Desk) -> None:
    guess_wrong(desk, "alice", 6)
    with desk.session() as session:
        locks.unlock(session, "alice", "T-1")


def _changed(desk: Desk) -> None:
    with desk.session() as session:
        pins.change(session, "alice", OTHER)


SINCE: dict[str, tuple[Callable[[Desk], object], Outcome]] = {
    "changed": (_changed, Outcome.INCORRECT),
    "locked": (lambda desk: guess_wrong(desk, "alice", 6), Outcome.LOCKED),
    "withdrawn": (lambda desk: withdraw(desk, "alice"), Outcome.UNCOLLECTED),
    "withdrawn and the same again": (_collected_again, Outcome.INCORRECT),
    "locked and unlocked": (_locked_and_unlocked, Outcome.VERIFIED),
}


@pytest.mark.parametrize("since", SINCE)
def test_a_right_answer_that_somebody_else_ended(alice: Desk, since: str) -> None:
    """It is reported as verified only if state and PIN are still the same."""
    act, outcome = SINCE[since]
    with stopped_verify(alice, "alice", RIGHT) as run:
        assert asked(alice, "alice", RIGHT) is Outcome.VERIFIED
        act(alice)
        before = alice.user("alice")
        end = run.continued()
    assert end.answer["outcome"] == outcome, end
    answered = [event for event in alice.events("alice") if event.kind is EventKind.NOT_TOLD]
    assert [event.outcome for event in answered] == [outcome.value] * (
        outcome is not Outcome.VERIFIED
    )
    assert alice.user("alice")._replace(event=0) == before._replace(event=0)
    nothing_impossible(alice, [end.answer])


def test_a_wrong_answer_that_somebody_else_ended(alice: Desk) -> None:
    """It is incorrect after any change."""
    with stopped_verify(alice, "alice", WRONG) as run:
        assert asked(alice, "alice", RIGHT) is Outcome.VERIFIED
        withdraw(alice, "alice")
        end = run.continued()
    assert (end.code, end.answer["outcome"]) == (3, "incorrect")
    nothing_impossible(alice, [end.answer])


def test_its_charge_counts_among_the_six(alice: Desk, forks: Forks) -> None:
    """Of ten more guesses at once five are incorrect, and the others locked."""
    with stopped_verify(alice, "alice", WRONG) as run:
        guess = Run(verify_of("alice"), f"{WRONG}\n", Plan(longest_wait=60))
        ends = forks.at_once(alice.front, *[guess] * 10)
        assert sorted(end.code for end in ends) == [3] * 5 + [4] * 5
        end = run.continued()
    assert (end.code, end.answer["state"]) == (3, "locked")
    assert alice.user("alice").attempts_total == 6
    nothing_impossible(alice)


def test_several_stopped_each_get_their_own_outcome(alice: Desk) -> None:
    """Each charge ends the attempt before it, in its caller's name."""
    with (
        stopped_verify(alice, "alice", WRONG) as first,
        stopped_verify(alice, "alice", RIGHT) as second,
        stopped_verify(alice, "alice", WRONG) as third,
    ):
        ends = [third.continued(), first.continued(), second.continued()]
    assert [end.code for end in ends] == [3, 3, 0]
    assert alice.user("alice").failed_attempts == 1
    assert count(alice.events("alice"), EventKind.VERIFIED) == 1
    nothing_impossible(alice, [end.answer for end in ends])
