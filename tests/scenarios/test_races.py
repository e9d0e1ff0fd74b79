"""Many callers at once: exactly six comparisons, and no right caller is turned away."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from pincli.models import EventKind, State
from pincli.rules.states import state_of
from tests.support.desk import Desk, Ran
from tests.support.driving import (
    RIGHT,
    WRONG,
    Driven,
    Log,
    at_production_cost,
    drive,
    driven,
    fresh,
    guess_wrong,
    paused_verify,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.trail import count, play

# Nobody gives up before the last of many has had their turn on a busy machine.
PATIENT = 60.0


def _at_once(desk: Desk, callers: int, pin: str) -> tuple[list[Ran], Log]:
    """So many processes that read their PIN at the same instant, at the production cost."""
    log = Log(fresh(desk, "log"))
    plan = Plan(log=str(log.path), cheap=False, longest_wait=PATIENT)
    with ExitStack() as stack:
        runs = [
            stack.enter_context(driven(desk, *verify_of("alice"), plan=plan))
            for _ in range(callers)
        ]
        log.wait_for("read", callers)
        for run in runs:
            run.answer(pin)
        return [run.end() for run in runs], log


def test_of_32_wrong_answers_at_once_only_those_left_are_compared(desk: Desk) -> None:
    """32 processes guess at the same instant: the comparisons stop at the sixth miss."""
    at_production_cost(desk, "alice")
    guess_wrong(desk, "alice", 1)
    left = 5
    ends, log = _at_once(desk, 32, WRONG)
    assert sorted(end.code for end in ends) == [3] * left + [4] * (32 - left)
    assert log.count("compare") == left
    user, events = desk.user("alice"), desk.events("alice")
    assert (state_of(user), user.failed_attempts) == (State.LOCKED, 6)
    assert (user.attempts_total, user.locks_total) == (6, 1)
    assert count(events, EventKind.LOCKED) == 1
    said = [end.answer for end in ends if end.code == 3]
    assert sorted(one["attempts_left"] for one in said) == list(range(left))
    play(desk.events())


def test_20_right_callers_at_once_are_all_verified(desk: Desk) -> None:
    """20 processes with the right PIN, one miss short of a lock: each gets its yes."""
    at_production_cost(desk, "alice")
    guess_wrong(desk, "alice", 5)
    ends, log = _at_once(desk, 20, RIGHT)
    assert [end.code for end in ends] == [0] * 20
    assert log.count("compare") == 20
    user = desk.user("alice")
    assert (user.failed_attempts, user.locks_total, user.attempts_total) == (0, 0, 25)
    play(desk.events())


def test_two_users_do_not_wait_for_each_other(desk: Desk) -> None:
    """While one user's comparison takes forever, another user is verified."""
    desk.collected("alice")
    desk.collected("bob", pin="739154")
    with paused_verify(desk, "alice", RIGHT) as alice:
        assert desk.verify("bob", "739154").code == 0
        assert desk.verify("bob", WRONG).code == 3
        assert not alice.ended()
        alice.go_on()
        assert alice.end().code == 0


def test_two_calls_about_one_user_queue(desk: Desk) -> None:
    """The second call is not even charged before the first is settled."""
    desk.collected("alice")
    with (
        paused_verify(desk, "alice", WRONG) as first,
        driven(desk, *verify_of("alice"), pin=RIGHT) as second,
    ):
        second.log.wait_for("lock:user")
        assert desk.user("alice").failed_attempts == 1
        assert second.log.count("locked:user") == 0
        first.go_on()
        assert (first.end().code, second.end().code) == (3, 0)
    kinds = [event.kind for event in desk.events("alice") if event.attempt or _opens(event.kind)]
    assert kinds == [
        EventKind.ATTEMPT,
        EventKind.INCORRECT,
        EventKind.ATTEMPT,
        EventKind.VERIFIED,
    ]


@pytest.mark.parametrize("stuck_at", ["compare", "sql:COMMIT"])
def test_a_verify_gives_up_on_a_stuck_lock_uncharged(desk: Desk, stuck_at: str) -> None:
    """Whoever holds the user's lock or the writer lock for too long costs nobody an attempt."""
    desk.collected("alice")
    holder = Plan(at=((stuck_at, "pause"),))
    with driven(desk, *verify_of("alice"), plan=holder, pin=RIGHT) as stuck:
        stuck.await_pause()
        before = desk.sql("SELECT count(*) FROM events")
        late = drive(desk, *verify_of("alice"), plan=Plan(longest_wait=0.3), pin=RIGHT)
        assert late.code == 8
        assert late.answer["error"]["code"] == "unavailable"
        assert late.answer["error"]["message"].startswith("not verified: ")
        assert desk.sql("SELECT count(*) FROM events") == before
        stuck.go_on()
        assert stuck.end().code == 0
    assert desk.user("alice").attempts_total == 1


def test_a_writer_stuck_in_its_commit_costs_another_user_nothing(desk: Desk) -> None:
    """The bounded wait is the same for the one writer lock that all share."""
    desk.collected("alice")
    desk.collected("bob")
    holder = Plan(at=(("sql:COMMIT", "pause"),))
    with driven(desk, *verify_of("alice"), plan=holder, pin=RIGHT) as stuck:
        stuck.await_pause()
        late = drive(desk, *verify_of("bob"), plan=Plan(longest_wait=0.3), pin=RIGHT)
        assert late.code == 8
        stuck.go_on()
        assert stuck.end().code == 0
    assert desk.user("bob").attempts_total == 0
    assert desk.verify("bob", RIGHT).code == 0


def test_a_locked_writer_does_not_stop_status(desk: Desk) -> None:
    """`status` waits for no lock, and may show the charge of an attempt in flight."""
    desk.collected("alice")
    with paused_verify(desk, "alice", RIGHT) as run:
        card = desk.run("status", "alice", "--json")
        assert (card.code, card.answer["attempts_used"]) == (0, 1)
        run.go_on()
        assert run.end().code == 0


def test_a_stopped_holder_is_waited_for_and_then_passed(desk: Desk) -> None:
    """A process killed with the user's lock held lets the next one in, its charge kept."""
    desk.collected("alice")
    with (
        paused_verify(desk, "alice", RIGHT) as first,
        driven(desk, *verify_of("alice"), pin=WRONG) as second,
    ):
        second.log.wait_for("lock:user")
        _kill(first)
        assert second.end().answer["attempts_left"] == 4
    assert count(desk.events("alice"), EventKind.ABANDONED) == 1
    play(desk.events())


def _opens(kind: EventKind) -> bool:
    return kind is EventKind.ATTEMPT


def _kill(run: Driven) -> None:
    run.process.kill()
    run.process.wait()
