"""Locking by hand in any state, and unlocking, which keeps the PIN."""

from __future__ import annotations

import pytest

from pincli.errors import UnknownUser
from pincli.models import Outcome
from pincli.operations import people
from pincli.operations.locks import lock, require_locked, unlock
from pincli.operations.session import Need, Session
from pincli.operations.verify import verify
from tests.store.attempting import (
    PIN,
    kinds_after,
    last_number,
    left_open,
    with_counter,
    without_event,
)
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)
FLOOR = (Need.ATTEMPT, Need.COMPARE)


def lock_all(session: Session, *names: str, reason: str = "odd") -> list[bool]:
    """Lock users by name; return whether each was unlocked before."""
    users = people.require_users(session, names)
    return [changed for _, changed in lock(session, users, reason)]


@pytest.mark.engines
@pytest.mark.parametrize("counter", [0, 5])
def test_a_lock_stays_until_it_is_released(desk: Desk, counter: int) -> None:
    """Counter 6, the PIN kept, one lock more in total, the reason recorded."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.front.session(*FLOOR, agent="mia") as session:
        assert lock_all(session, " Alice", reason="a rat") == [True]
        assert lock_all(session, "alice", reason="again") == [False]
        assert verify(session, "alice", PIN, None).outcome is Outcome.LOCKED
    after = desk.user("alice")
    assert (after.failed_attempts, after.locks_total) == (6, 1)
    assert after.locked_since == after.last_locked_at is not None
    assert (after.question, after.pin_version) == (before.question, before.pin_version)
    assert kinds_after(desk, number) == [("locked_by_hand", None, 6), ("refused", "locked", 6)]
    event = desk.events()[number]
    assert (event.reason, event.agent) == ("a rat", "mia")
    with desk.session() as session:
        unlock(session, "alice", "she called")
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED


@pytest.mark.engines
def test_a_right_answer_in_flight_is_refused(desk: Desk) -> None:
    """Its outcome is the lock, not *verified*."""
    attempt = left_open(desk, with_counter(desk, 2), PIN)
    with desk.front.session(*FLOOR) as session:
        assert lock_all(session, "alice") == [True]
    assert kinds_after(desk, attempt.number) == [
        ("refused", "locked", 0),
        ("locked_by_hand", None, 6),
    ]
    after = desk.user("alice")
    assert (after.last_verified_at, after.locks_total) == (None, 1)


def test_one_unknown_name_among_several_locks_nobody(desk: Desk) -> None:
    """The error has all unknown names, and each is recorded."""
    for name in ("alice", "bob"):
        desk.add(name)
    number = last_number(desk)
    with desk.front.session(*FLOOR) as session:
        with pytest.raises(UnknownUser) as unknown:
            lock_all(session, "alice", "noone", "bob", "nobody", "Alice")
        assert unknown.value.names == ("noone", "nobody")
        assert kinds_after(desk, number) == [("refused", "unknown_user", None)] * 2
        assert lock_all(session, "alice", "bob", "Alice") == [True, True]


def test_unlocking_gives_six_new_attempts_on_the_same_pin(desk: Desk) -> None:
    """Counter 0, PIN and totals kept, the reason recorded; the right PIN verifies again."""
    before = with_counter(desk, 6)
    number = last_number(desk)
    with desk.session() as session:
        assert require_locked(session, "ALICE") == before
        assert last_number(desk) == number
        after = unlock(session, " Alice", "in the portal")
        assert without_event(after) == without_event(before)._replace(
            failed_attempts=0, locked_since=None
        )
        assert without_event(desk.user("alice")) == without_event(after)
        assert kinds_after(desk, number) == [("unlocked", None, 0)]
        assert desk.events()[-1].reason == "in the portal"
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
