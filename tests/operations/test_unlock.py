"""Unlocking: only what is locked, and the PIN stays."""

from __future__ import annotations

import pytest

from pincli.errors import Refused, Rule, UnknownUser
from pincli.models import Outcome, State
from pincli.operations import people
from pincli.operations.locks import require_locked, unlock
from pincli.operations.verify import verify
from pincli.rules.lockout import state_of
from tests.store.attempting import PIN, kinds_after, last_number, left_open, told, with_counter
from tests.support.desk import Desk

pytestmark = pytest.mark.engines


def test_unlocking_gives_six_new_attempts_on_the_same_pin(desk: Desk) -> None:
    """Counter 0, PIN and totals kept, the reason on record; the right PIN verifies again."""
    before = with_counter(desk, 6)
    number = last_number(desk)
    with desk.session() as session:
        after = unlock(session, " Alice", "in the portal")
        assert told(after) == told(before)._replace(failed_attempts=0, locked_since=None)
        assert told(desk.user("alice")) == told(after)
        assert kinds_after(desk, number) == [("unlocked", None, 0)]
        assert desk.events()[-1].reason == "in the portal"
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED


@pytest.mark.parametrize("counter", range(6))
def test_below_six_there_is_nothing_to_unlock(desk: Desk, counter: int) -> None:
    """Refused on record, so that unlocking is no way to get more guesses before the lock."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        with pytest.raises(Refused) as refusal:
            unlock(session, "alice", "please")
        assert (refusal.value.rule, refusal.value.subject) == (Rule.NOT_LOCKED, "alice")
        with pytest.raises(Refused) as refusal:
            require_locked(session, "alice")
        assert (refusal.value.rule, refusal.value.subject) == (Rule.NOT_LOCKED, "alice")
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", "not_locked", counter)] * 2


def test_the_counter_decides_for_an_inactive_user_too(desk: Desk) -> None:
    """A deactivated user's lock can be released; the state stays inactive."""
    with_counter(desk, 6)
    with desk.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
        after = unlock(session, "alice", "clean up")
        assert (after.failed_attempts, state_of(after)) == (0, State.INACTIVE)
        with pytest.raises(Refused):
            unlock(session, "alice", "again")


def test_a_lock_is_found_before_the_reason_is_asked_for(desk: Desk) -> None:
    """A locked user is let through without a trace."""
    before = with_counter(desk, 6)
    number = last_number(desk)
    with desk.session() as session:
        assert require_locked(session, "ALICE") == before
    assert last_number(desk) == number


def test_the_sixth_attempt_of_a_dead_process_is_a_lock_to_release(desk: Desk) -> None:
    """It is ended and counted as a lock first, then released: the totals miss nothing."""
    attempt = left_open(desk, with_counter(desk, 5))
    with desk.session() as session:
        after = unlock(session, "alice", "in the portal")
    assert (after.failed_attempts, after.locks_total) == (0, 1)
    assert kinds_after(desk, attempt.number) == [
        ("incorrect", "incorrect", 6),
        ("locked", None, 6),
        ("unlocked", None, 0),
    ]


def test_the_fifth_attempt_of_a_dead_process_is_none(desk: Desk) -> None:
    """It ends as a miss, and the unlock is refused."""
    attempt = left_open(desk, with_counter(desk, 4))
    with desk.session() as session, pytest.raises(Refused):
        unlock(session, "alice", "please")
    assert kinds_after(desk, attempt.number) == [
        ("incorrect", "incorrect", 5),
        ("refused", "not_locked", 5),
    ]


def test_the_right_answer_of_a_dead_process_is_no_lock_to_release(desk: Desk) -> None:
    """A sixth answer in flight is not a lock: it ends as verified, and the unlock is refused."""
    attempt = left_open(desk, with_counter(desk, 5), PIN)
    with desk.session() as session:
        with pytest.raises(Refused):
            require_locked(session, "alice")
        with pytest.raises(Refused):
            unlock(session, "alice", "please")
    assert kinds_after(desk, attempt.number) == [
        ("verified", "verified", 0),
        ("refused", "not_locked", 0),
        ("refused", "not_locked", 0),
    ]


def test_an_unknown_user_is_not_unlocked(desk: Desk) -> None:
    """Neither by the operation nor by the question before it."""
    with desk.session() as session:
        with pytest.raises(UnknownUser):
            unlock(session, "nobody", "please")
        with pytest.raises(UnknownUser):
            require_locked(session, "nobody")
