"""Many callers at once: exactly six charges, and every right caller is verified."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from pincli.models import EventKind, Outcome, State
from pincli.rules.lockout import state_of
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.sqlite.lockfile import LONGEST_WAIT
from pincli.store.steps.attempts import charge
from tests.support.desk import Desk, Ran
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    Log,
    asked,
    at_production_cost,
    drive,
    driven,
    fresh,
    guess_wrong,
    nothing_impossible,
    paused_verify,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.trail import count

pytestmark = pytest.mark.engines

# Nobody gives up before the last of many has had their turn on a busy machine.
PATIENT = 60.0


def _at_once(desk: Desk, pins: Sequence[str]) -> tuple[list[Ran], Log]:
    """Run a process for each answer at the same instant, at the production cost."""
    log = Log(fresh(desk, "log"))
    plan = Plan(log=str(log.path), cheap=False, longest_wait=PATIENT)
    with ExitStack() as stack:
        runs = [stack.enter_context(driven(desk, *verify_of("alice"), plan=plan)) for _ in pins]
        log.wait_for("read", len(pins))
        for run, pin in zip(runs, pins, strict=True):
            run.answer(pin)
        ends = [run.end() for run in runs]
    nothing_impossible(desk, [end.answer for end in ends])
    return ends, log


@pytest.mark.folder
def test_of_32_wrong_answers_at_once_only_those_left_are_charged(desk: Desk) -> None:
    """The charges stop at the sixth wrong answer."""
    at_production_cost(desk, "alice")
    guess_wrong(desk, "alice", 1)
    left = 5
    ends, log = _at_once(desk, [WRONG] * 32)
    assert sorted(end.code for end in ends) == [3] * left + [4] * (32 - left)
    assert log.count("charged") == left
    user, events = desk.user("alice"), desk.events("alice")
    assert (state_of(user), user.failed_attempts) == (State.LOCKED, 6)
    assert (user.attempts_total, user.locks_total) == (6, 1)
    assert count(events, EventKind.INCORRECT) == 6
    assert count(events, EventKind.LOCKED) == 1


def test_of_32_guesses_by_strangers_exactly_six_are_compared(desk: Desk) -> None:
    """Six are incorrect, and the others locked."""
    at_production_cost(desk, "alice")
    ends, _ = _at_once(desk, [WRONG] * 32)
    assert sorted(end.code for end in ends) == [3] * 6 + [4] * 26
    assert desk.user("alice").attempts_total == 6


def test_20_right_callers_at_once_are_all_verified(desk: Desk) -> None:
    """Even one wrong answer short of a lock."""
    at_production_cost(desk, "alice")
    guess_wrong(desk, "alice", 5)
    ends, log = _at_once(desk, [RIGHT] * 20)
    assert [end.code for end in ends] == [0] * 20
    assert log.count("charged") == 20
    user = desk.user("alice")
    assert (user.failed_attempts, user.locks_total, user.attempts_total) == (0, 0, 25)


def test_right_and_wrong_at_once_get_their_own_answers(desk: Desk) -> None:
    """A right answer is verified, or locked out by six wrong ones."""
    at_production_cost(desk, "alice")
    pins = [RIGHT, WRONG] * 10
    ends, _ = _at_once(desk, pins)
    for pin, end in zip(pins, ends, strict=True):
        assert end.code in ((0, 4) if pin == RIGHT else (3, 4)), end
    user, events = desk.user("alice"), desk.events("alice")
    codes = [end.code for end in ends]
    assert count(events, EventKind.VERIFIED) == codes.count(0)
    assert count(events, EventKind.INCORRECT) == codes.count(3)
    assert (user.locks_total == 1) == (4 in codes)


@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_nobody_waits_for_an_attempt_in_flight(desk: Desk, pin: str) -> None:
    """Others are answered for another user and for the same one."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    impatient = Plan(longest_wait=0.001)
    with paused_verify(desk, "alice", pin) as first:
        ended = [
            drive(desk, *verify_of(user), plan=impatient, pin=answer)
            for user, answer in (("bob", OTHER), ("bob", WRONG), ("alice", RIGHT), ("alice", WRONG))
        ]
        assert [ran.code for ran in ended] == [0, 3, 0, 3]
        assert not first.ended()
        first.go_on()
        ended.append(first.end())
    assert ended[-1].code == (0 if pin == RIGHT else 3)
    nothing_impossible(desk, [ran.answer for ran in ended])


@pytest.mark.folder
def test_a_writer_stuck_in_its_commit_costs_nobody_an_attempt(desk: Desk) -> None:
    """The wait for the writer lock is bounded, and nothing is charged."""
    desk.collected("alice")
    desk.collected("bob")
    holder = Plan(at=(("sql:COMMIT", "pause"),))
    with driven(desk, *verify_of("alice"), plan=holder, pin=RIGHT) as stuck:
        stuck.await_pause()
        for user in ("alice", "bob"):
            late = drive(desk, *verify_of(user), plan=Plan(longest_wait=0.3), pin=RIGHT)
            assert (late.code, late.answer["error"]["code"]) == (8, "unavailable")
            assert late.answer["error"]["message"].startswith("not verified: ")
        stuck.go_on()
        assert stuck.end().code == 0
    assert desk.user("alice").attempts_total == 1
    assert desk.user("bob").attempts_total == 0
    assert desk.verify("bob", RIGHT).code == 0
    nothing_impossible(desk)


@pytest.mark.folder
def test_a_settle_may_wait_as_long_again_as_the_charge(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The charge's wait doesn't shorten it."""
    desk.collected("alice")
    write, patience = SqliteStore.write, []

    def impatient(store: SqliteStore, step: Any, *arguments: Any, **options: Any) -> Any:
        locks = store._lock_file()
        if step is charge:
            locks.patience = 0.5  # it has waited for the rest
        patience.append(locks.patience)
        return write(store, step, *arguments, **options)

    monkeypatch.setattr(SqliteStore, "write", impatient)
    assert asked(desk, "alice", WRONG) is Outcome.INCORRECT
    assert patience == [0.5, LONGEST_WAIT]


@pytest.mark.folder
def test_a_settle_waits_for_its_turn(desk: Desk) -> None:
    """The verdict comes only after it is done."""
    desk.collected("alice")
    holder = Plan(at=(("sql:COMMIT", "pause"),))
    with (
        paused_verify(desk, "alice", RIGHT) as caller,
        driven(desk, "unlock", "alice", "--reason", "T-1", "--json", plan=holder) as stuck,
    ):
        stuck.await_pause()
        caller.go_on()
        caller.log.wait_for("lock:writer", 2)
        assert not caller.ended()
        stuck.go_on()
        assert (caller.end().code, stuck.end().code) == (0, 7)
    nothing_impossible(desk)


def test_an_attempt_in_flight_does_not_stop_status(desk: Desk) -> None:
    """`status` leaves a young attempt open, and shows its charge."""
    desk.collected("alice")
    with paused_verify(desk, "alice", RIGHT) as run:
        card = desk.run("status", "alice", "--json")
        assert (card.code, card.answer["attempts_used"]) == (0, 1)
        assert card.answer["attempt_open"] is True
        assert desk.user("alice").attempt is not None
        run.go_on()
        assert run.end().code == 0
    assert desk.run("status", "alice", "--json").answer["attempt_open"] is False
