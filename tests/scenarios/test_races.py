"""Many callers at once: exactly six charges, and every right caller is verified.

The many are callers of a store in a folder; served/test_guessing.py has those of a server.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    Forks,
    Log,
    Run,
    asked,
    at_production_cost,
    count,
    driven,
    fresh,
    guess_wrong,
    nothing_impossible,
    paused_verify,
    verify_of,
)
from tests.support.failpoints import Plan

pytestmark = pytest.mark.engines

# Nobody gives up before the last of many has had their turn on a busy machine.
PATIENCE = 60.0


def _at_once(desk: Desk, forks: Forks, pins: Sequence[str]) -> tuple[list[Ran], Log]:
    """Run a process for each answer; all ask before the first of the slow hashes is done."""
    log = Log(fresh(desk, "log"))
    plan = Plan(log=str(log.path), cheap=False, longest_wait=PATIENCE)
    ends = forks.at_once(desk, *(Run(verify_of("alice"), f"{pin}\n", plan) for pin in pins))
    nothing_impossible(desk, [end.answer for end in ends])
    return ends, log


@pytest.mark.folder
@pytest.mark.parametrize("misses", [0, 1])
def test_of_32_wrong_answers_at_once_only_those_left_are_charged(
    desk: Desk, forks: Forks, misses: int
) -> None:
    """The charges stop at the sixth wrong answer, and the others are told of the lock."""
    at_production_cost(desk, "alice")
    guess_wrong(desk, "alice", misses)
    left = 6 - misses
    ends, log = _at_once(desk, forks, [WRONG] * 32)
    assert sorted(end.code for end in ends) == [3] * left + [4] * (32 - left)
    assert log.count("charged") == left
    user, events = desk.user("alice"), desk.events("alice")
    assert (state_of(user), user.failed_attempts) == (State.LOCKED, 6)
    assert (user.attempts_total, user.locks_total) == (6, 1)
    assert count(events, EventKind.INCORRECT) == 6
    assert count(events, EventKind.LOCKED) == 1


@pytest.mark.folder
def test_20_right_callers_at_once_are_all_verified(desk: Desk, forks: Forks) -> None:
    """Even one wrong answer short of a lock."""
    at_production_cost(desk, "alice")
    guess_wrong(desk, "alice", 5)
    ends, log = _at_once(desk, forks, [RIGHT] * 20)
    assert [end.code for end in ends] == [0] * 20
    assert log.count("charged") == 20
    user = desk.user("alice")
    assert (user.failed_attempts, user.locks_total, user.attempts_total) == (0, 0, 25)


@pytest.mark.folder
def test_right_and_wrong_at_once_get_their_own_answers(desk: Desk, forks: Forks) -> None:
    """A right answer is verified, or locked out by six wrong ones."""
    at_production_cost(desk, "alice")
    pins = [RIGHT, WRONG] * 10
    ends, _ = _at_once(desk, forks, pins)
    for pin, end in zip(pins, ends, strict=True):
        assert end.code in ((0, 4) if pin == RIGHT else (3, 4)), end
    user, events = desk.user("alice"), desk.events("alice")
    codes = [end.code for end in ends]
    assert count(events, EventKind.VERIFIED) == codes.count(0)
    assert count(events, EventKind.INCORRECT) == codes.count(3)
    assert (user.locks_total == 1) == (4 in codes)


@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_nobody_waits_for_an_attempt_in_flight(desk: Desk, forks: Forks, pin: str) -> None:
    """Others are answered for another user and for the same one, and `status` shows the charge."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    impatient = Plan(longest_wait=0.001)
    with paused_verify(desk, "alice", pin) as first:
        card = desk.run("status", "alice", "--json").answer
        assert (card["attempts_used"], card["attempt_open"]) == (1, True)
        ended = [
            forks.verify(desk, user, answer, impatient)
            for user, answer in (("bob", OTHER), ("bob", WRONG), ("alice", RIGHT), ("alice", WRONG))
        ]
        assert [ran.code for ran in ended] == [0, 3, 0, 3]
        assert not first.ended()
        first.go_on()
        ended.append(first.end())
    assert ended[-1].code == (0 if pin == RIGHT else 3)
    assert desk.run("status", "alice", "--json").answer["attempt_open"] is False
    nothing_impossible(desk, [ran.answer for ran in ended])


@pytest.mark.folder
def test_a_writer_stuck_in_its_commit_costs_nobody_an_attempt(desk: Desk, forks: Forks) -> None:
    """The wait for the writer lock is bounded, and nothing is charged."""
    desk.collected("alice")
    desk.collected("bob")
    holder = Plan(at=(("sql:COMMIT", "pause"),))
    with driven(desk, *verify_of("alice"), plan=holder, pin=RIGHT) as stuck:
        stuck.await_pause()
        for user in ("alice", "bob"):
            late = forks.verify(desk, user, RIGHT, Plan(longest_wait=0.3))
            assert (late.code, late.answer["error"]["code"]) == (8, "unavailable")
            assert late.answer["error"]["message"].startswith("not verified: ")
        stuck.go_on()
        assert stuck.end().code == 0
    assert desk.user("alice").attempts_total == 1
    assert desk.user("bob").attempts_total == 0
    assert asked(desk, "bob", RIGHT) is Outcome.VERIFIED
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
