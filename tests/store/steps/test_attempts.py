"""Charge and settle: the two transactions around a comparison, one step at a time."""

from __future__ import annotations

import pytest

from pincli.errors import AttemptTakenOver, VerifyKeyUnknown
from pincli.models import Outcome, State, Verdict
from pincli.store.steps import attempts
from tests.store.attempting import (
    charge,
    charged,
    kinds_after,
    last_seq,
    left_open,
    settled,
    with_counter,
)
from tests.support.desk import Desk


@pytest.mark.parametrize("counter", range(6))
def test_a_charge_is_counted_before_anything_is_compared(desk: Desk, counter: int) -> None:
    """Counter, totals, time, agent, open attempt and event are on disk when charge returns."""
    before = with_counter(desk, counter)
    with desk.session(agent="root") as session, session.holding(before) as user:
        attempt = charged(session, user, ticket="T-1")
        on_disk = desk.user("alice")
    assert attempt.user == on_disk
    assert on_disk.failed_attempts == counter + 1
    assert on_disk.attempts_total == before.attempts_total + 1
    assert on_disk.open_attempt == attempt.attempt
    assert on_disk.last_attempt_by == "root"
    assert on_disk.last_attempt_at is not None
    assert on_disk.locked_since is None
    assert on_disk.locks_total == 0
    assert attempt.pin == before.pin
    event = desk.events()[-1]
    assert (event.seq, event.kind, event.attempts_used) == (attempt.attempt, "attempt", counter + 1)
    assert event.ticket == "T-1"


def test_a_seventh_charge_is_refused(desk: Desk) -> None:
    """A locked user's attempt is a refusal on record, and nothing else changes."""
    before = with_counter(desk, 6)
    seq = last_seq(desk)
    with desk.session() as session, session.holding(before) as user:
        verdict = charge(session, user, "T-1")
    assert verdict == Verdict(Outcome.LOCKED, before, State.LOCKED)
    assert desk.user("alice") == before
    assert kinds_after(desk, seq) == [("refused", "locked", 6)]
    assert desk.events()[-1].ticket == "T-1"


def test_a_seventh_charge_is_impossible_even_if_the_state_is_misread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule charges nobody beyond six, and the table's CHECK takes no seven."""
    before = with_counter(desk, 6)
    seq = last_seq(desk)
    monkeypatch.setattr(attempts, "state_of", lambda *_args, **_options: State.ACTIVE)
    with (
        desk.session() as session,
        session.holding(before) as user,
        pytest.raises(AttemptTakenOver) as refusal,
    ):
        charged(session, user)
    assert refusal.value.user == "alice"
    assert desk.user("alice") == before
    assert last_seq(desk) == seq


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("active = 0", State.INACTIVE),
        ("type = 'datapipe'", State.INELIGIBLE),
        (
            "verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL, "
            "pin_set_at = NULL, pin_set_by = NULL",
            State.UNCOLLECTED,
        ),
    ],
)
def test_where_there_is_nothing_to_compare_nothing_is_charged(
    desk: Desk, change: str, state: State
) -> None:
    """An inactive, ineligible or uncollected user is refused on record, uncharged."""
    with_counter(desk, 3)
    desk.sql(f"UPDATE users SET {change}")  # noqa: S608
    before = desk.user("alice")
    seq = last_seq(desk)
    with desk.session() as session, session.holding(before) as user:
        verdict = charge(session, user)
    assert verdict == Verdict(Outcome(state.value), before, state)
    assert desk.user("alice") == before
    assert kinds_after(desk, seq) == [("refused", state.value, 3)]


def test_two_attempts_are_never_open_at_once(desk: Desk) -> None:
    """A second charge before the settle shows that the user's lock kept nobody out."""
    before = with_counter(desk, 0)
    with desk.session() as session, session.holding(before) as user:
        attempt = charged(session, user)
        seq = last_seq(desk)
        with pytest.raises(AttemptTakenOver) as error:
            charged(session, user)
        assert error.value.user == "alice"
        assert desk.user("alice") == attempt.user
        assert last_seq(desk) == seq


def test_a_verifier_of_an_unknown_key_is_not_charged(desk: Desk) -> None:
    """Who can't compare doesn't charge, and leaves no event behind."""
    before = with_counter(desk, 0)
    seq = last_seq(desk)
    assert before.pin is not None
    with (
        desk.session() as session,
        session.holding(before) as user,
        pytest.raises(VerifyKeyUnknown) as error,
    ):
        session.store.write(attempts.charge, user.id, verify_keys={"another"}, ticket=None)
    assert error.value.fingerprint == before.pin.verify_key
    assert desk.user("alice") == before
    assert last_seq(desk) == seq


@pytest.mark.parametrize("counter", range(6))
def test_a_match_sets_the_counter_to_nought(desk: Desk, counter: int) -> None:
    """However many misses came before, also the five that a sixth would have locked."""
    before = with_counter(desk, counter)
    seq = last_seq(desk)
    with desk.session(agent="root") as session, session.holding(before) as user:
        verdict = settled(session, charged(session, user), matched=True)
    after = desk.user("alice")
    assert verdict == Verdict(Outcome.VERIFIED, after, State.ACTIVE)
    assert (after.failed_attempts, after.open_attempt, after.locked_since) == (0, None, None)
    assert (after.locks_total, after.attempts_total) == (0, before.attempts_total + 1)
    assert after.last_verified_by == "root"
    assert after.last_verified_at is not None
    assert after.pin == before.pin
    assert kinds_after(desk, seq) == [("attempt", None, counter + 1), ("verified", "verified", 0)]


@pytest.mark.parametrize("counter", range(5))
def test_a_miss_keeps_its_charge(desk: Desk, counter: int) -> None:
    """Short of six nothing is locked, and nothing says that anybody was verified."""
    before = with_counter(desk, counter)
    seq = last_seq(desk)
    with desk.session() as session, session.holding(before) as user:
        verdict = settled(session, charged(session, user), matched=False)
    after = desk.user("alice")
    assert verdict == Verdict(Outcome.INCORRECT, after, State.ACTIVE)
    assert (after.failed_attempts, after.open_attempt) == (counter + 1, None)
    assert (after.locks_total, after.locked_since, after.last_verified_at) == (0, None, None)
    assert kinds_after(desk, seq) == [
        ("attempt", None, counter + 1),
        ("incorrect", "incorrect", counter + 1),
    ]


def test_the_sixth_miss_locks(desk: Desk) -> None:
    """It is still `incorrect`, in the state `locked`, with the lock's own event and totals."""
    before = with_counter(desk, 5)
    seq = last_seq(desk)
    with desk.session() as session, session.holding(before) as user:
        verdict = settled(session, charged(session, user), matched=False)
        told = session.store.locks_recorded
    after = desk.user("alice")
    assert told == [after]
    assert verdict == Verdict(Outcome.INCORRECT, after, State.LOCKED)
    assert (after.failed_attempts, after.locks_total) == (6, 1)
    assert after.locked_since is not None
    assert after.locked_since == after.last_locked_at
    assert kinds_after(desk, seq) == [
        ("attempt", None, 6),
        ("incorrect", "incorrect", 6),
        ("locked", None, 6),
    ]


def test_an_attempt_is_settled_once(desk: Desk) -> None:
    """A second settle of the same attempt is refused, and changes nothing."""
    before = with_counter(desk, 2)
    with desk.session() as session, session.holding(before) as user:
        attempt = charged(session, user)
        settled(session, attempt, matched=False)
        after = desk.user("alice")
        seq = last_seq(desk)
        with pytest.raises(AttemptTakenOver):
            settled(session, attempt, matched=True)
    assert desk.user("alice") == after
    assert last_seq(desk) == seq


@pytest.mark.parametrize("matched", [True, False])
@pytest.mark.parametrize("number", ["NULL", "1", "9999"])
def test_an_attempt_that_others_closed_stays_charged(
    desk: Desk, number: str, matched: bool
) -> None:
    """Where open_attempt is not the own one, even a match verifies nobody and frees nothing."""
    before = with_counter(desk, 2)
    with desk.session() as session, session.holding(before) as user:
        attempt = charged(session, user)
        desk.sql(f"UPDATE users SET open_attempt = {number}")  # noqa: S608
        taken = desk.user("alice")
        seq = last_seq(desk)
        with pytest.raises(AttemptTakenOver):
            settled(session, attempt, matched=matched)
    assert desk.user("alice") == taken
    assert taken.failed_attempts == 3
    assert last_seq(desk) == seq


@pytest.mark.parametrize("counter", range(5))
def test_an_abandoned_attempt_is_a_miss(desk: Desk, counter: int) -> None:
    """Whoever next takes the user's lock closes it: the charge stays, `abandoned` says why."""
    attempt = left_open(desk, with_counter(desk, counter))
    with desk.session() as session, session.holding(attempt.user) as held:
        assert held == desk.user("alice")
    assert (held.failed_attempts, held.open_attempt, held.locks_total) == (counter + 1, None, 0)
    assert kinds_after(desk, attempt.attempt) == [("abandoned", None, counter + 1)]
    assert desk.events()[-1].attempt == attempt.attempt


def test_an_abandoned_sixth_attempt_locks(desk: Desk) -> None:
    """A process killed between charge and settle can't keep the lock from being recorded."""
    attempt = left_open(desk, with_counter(desk, 5))
    assert attempt.user.locked_since is None
    with desk.session() as session, session.holding(attempt.user) as held:
        assert session.store.locks_recorded == [held]
    assert (held.failed_attempts, held.locks_total) == (6, 1)
    assert held.locked_since is not None
    assert held.locked_since == held.last_locked_at
    assert kinds_after(desk, attempt.attempt) == [("abandoned", None, 6), ("locked", None, 6)]


def test_an_abandoned_attempt_is_closed_once(desk: Desk) -> None:
    """The next holder finds nothing open and writes nothing."""
    attempt = left_open(desk, with_counter(desk, 5))
    with desk.session() as session:
        for _ in range(3):
            with session.holding(attempt.user):
                pass
    assert len(kinds_after(desk, attempt.attempt)) == 2


def test_the_dead_process_s_settle_comes_too_late(desk: Desk) -> None:
    """An attempt once recorded as abandoned verifies nobody, should its owner live after all."""
    attempt = left_open(desk, with_counter(desk, 2))
    with desk.session() as session:
        with session.holding(attempt.user):
            pass
        before = desk.user("alice")
        with pytest.raises(AttemptTakenOver):
            settled(session, attempt, matched=True)
    assert desk.user("alice") == before


def test_looking_takes_no_lock_and_closes_nothing(desk: Desk) -> None:
    """`status` shows the charge in flight, and leaves it to its owner."""
    attempt = left_open(desk, with_counter(desk, 5))
    assert desk.user("alice") == attempt.user
    assert kinds_after(desk, attempt.attempt) == []


def test_refuse_unless_active_charges_nobody(desk: Desk) -> None:
    """Asked before the PIN is, it refuses on record or says nothing, and counts nothing."""
    fine, locked = with_counter(desk, 5, "alice"), with_counter(desk, 6, "bob")
    seq = last_seq(desk)
    with desk.session() as session:
        with session.holding(fine) as user:
            assert session.store.write(attempts.refuse_unless_active, user.id, "T-1") is None
        with session.holding(locked) as user:
            verdict = session.store.write(attempts.refuse_unless_active, user.id, "T-1")
    assert verdict == Verdict(Outcome.LOCKED, locked, State.LOCKED)
    assert (desk.user("alice"), desk.user("bob")) == (fine, locked)
    assert kinds_after(desk, seq) == [("refused", "locked", 6)]
