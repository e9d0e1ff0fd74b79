"""Verifying: what each answer does to the record, and what happens around a comparison."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest

from pincli.errors import MalformedName, MalformedPin, StoreUnavailable, UnknownUser
from pincli.models import Outcome, State, User, UserType, Verdict
from pincli.operations import people
from pincli.operations.verify import admit, verify
from pincli.store.steps import attempts
from tests.operations.watching import WatchingVerifiers
from tests.store.attempting import PIN, kinds_after, last_seq, left_open, with_counter
from tests.store.processes import other
from tests.support.desk import Desk
from tests.support.overtaking import overtake

WRONG = "234811"
FORBIDDEN = "000000"
MALFORMED = ("", "12345", "1234567", "12a456", "\uff14\uff14\uff14\uff11\uff15\uff19", f"{PIN}\n")


@pytest.mark.parametrize("counter", range(6))
def test_the_right_answer_verifies_and_clears_the_counter(desk: Desk, counter: int) -> None:
    """After any number of misses short of six: verified, counter 0, PIN kept."""
    before = with_counter(desk, counter)
    seq = last_seq(desk)
    with desk.session() as session:
        verdict = verify(session, "alice", PIN, "T-1")
        on_disk = desk.user("alice")
    assert verdict == Verdict(Outcome.VERIFIED, on_disk, State.ACTIVE)
    assert on_disk.failed_attempts == 0
    assert (on_disk.pin, on_disk.pin_version) == (before.pin, before.pin_version)
    assert on_disk.attempts_total == before.attempts_total + 1
    assert kinds_after(desk, seq) == [("attempt", None, counter + 1), ("verified", "verified", 0)]
    assert {event.ticket for event in desk.events() if event.seq > seq} == {"T-1"}


@pytest.mark.parametrize("answer", [WRONG, FORBIDDEN, "123456"])
@pytest.mark.parametrize("counter", range(6))
def test_a_wrong_answer_counts_one(desk: Desk, counter: int, answer: str) -> None:
    """One more miss, also for a PIN that the rules forbid; the sixth locks."""
    before = with_counter(desk, counter)
    seq = last_seq(desk)
    with desk.session() as session:
        verdict = verify(session, "alice", answer, None)
        on_disk = desk.user("alice")
    locked = counter == 5
    assert verdict == Verdict(Outcome.INCORRECT, on_disk, State.LOCKED if locked else State.ACTIVE)
    assert on_disk.failed_attempts == counter + 1
    assert (on_disk.pin, on_disk.last_verified_at) == (before.pin, None)
    assert on_disk.locks_total == int(locked)
    assert kinds_after(desk, seq) == [
        ("attempt", None, counter + 1),
        ("incorrect", "incorrect", counter + 1),
        *([("locked", None, 6)] if locked else []),
    ]


@pytest.mark.parametrize("answer", MALFORMED)
@pytest.mark.parametrize("counter", [0, 5])
def test_a_malformed_answer_is_a_slip(desk: Desk, counter: int, answer: str) -> None:
    """What is not six digits is never charged, never compared and never recorded."""
    before = with_counter(desk, counter)
    seq = last_seq(desk)
    verifiers = WatchingVerifiers()
    with desk.session() as session, pytest.raises(MalformedPin):
        verify(session._replace(verifiers=verifiers), "alice", answer, None)
    assert verifiers.compared == 0
    assert desk.user("alice") == before
    assert last_seq(desk) == seq


def uncomparable(desk: Desk, state: State) -> User:
    """A user in a state in which there is nothing to compare."""
    match state:
        case State.LOCKED:
            return with_counter(desk, 6)
        case State.INACTIVE:
            with_counter(desk, 3)
            with desk.session() as session:
                return people.set_active(session, "alice", active=False, reason=None).after
        case State.INELIGIBLE:
            return desk.add("alice", kind=UserType.CLOUD_OFFICE)
        case _:
            return desk.add("alice")


@pytest.mark.parametrize("answer", [PIN, WRONG, *MALFORMED])
@pytest.mark.parametrize(
    "state", [State.LOCKED, State.INACTIVE, State.INELIGIBLE, State.UNCOLLECTED]
)
def test_nothing_is_compared_in_any_other_state(desk: Desk, state: State, answer: str) -> None:
    """The state is the verdict for every answer, right, wrong or malformed; nothing changes."""
    before = uncomparable(desk, state)
    seq = last_seq(desk)
    verifiers = WatchingVerifiers()
    with desk.session() as session:
        verdict = verify(session._replace(verifiers=verifiers), "alice", answer, None)
    assert verdict == Verdict(Outcome(state.value), before, state)
    assert verifiers.compared == 0
    assert desk.user("alice") == before
    assert kinds_after(desk, seq) == [("refused", state.value, before.failed_attempts)]


def test_only_consecutive_misses_lock(desk: Desk) -> None:
    """Five, a right answer, and five again leave the PIN active; the sixth in a row locks it."""
    desk.collected("alice", pin=PIN)
    with desk.session() as session:
        for answer in [WRONG] * 5 + [PIN] + [WRONG] * 5:
            verify(session, "alice", answer, None)
        assert desk.user("alice").failed_attempts == 5
        assert verify(session, "alice", WRONG, None).state is State.LOCKED
        assert verify(session, "alice", PIN, None).outcome is Outcome.LOCKED
    assert (desk.user("alice").locks_total, desk.user("alice").attempts_total) == (1, 12)


def test_every_spelling_shares_one_counter(desk: Desk) -> None:
    """No way of writing a name gives an attacker new guesses."""
    desk.collected("alice", pin=PIN)
    with desk.session() as session:
        for name in ("alice", "Alice", " alice", "ALICE\n", "aLICE", "\talice "):
            verify(session, name, WRONG, None)
    assert desk.user("alice").failed_attempts == 6
    assert len(desk.sql("SELECT * FROM users")) == 1


@pytest.mark.parametrize("answer", [PIN, "12345"])
def test_an_unknown_user_is_an_event(desk: Desk, answer: str) -> None:
    """Guessing at names is on record, with what looks like a PIN masked; it comes first."""
    desk.collected("alice", pin=PIN)
    with desk.session() as session:
        with pytest.raises(UnknownUser) as error:
            verify(session, "Alicia", answer, "T-1")
        assert (error.value.names, error.value.near) == (("alicia",), ())
        with pytest.raises(UnknownUser) as error:
            verify(session, "alic", answer, None)
        assert error.value.near == ("alice",)
        with pytest.raises(UnknownUser):
            verify(session, "444159", answer, None)
    events = desk.events()[-3:]
    assert [event.user for event in events] == ["alicia", "alic", "******"]
    assert {(event.kind.value, event.outcome) for event in events} == {("refused", "unknown_user")}
    assert (events[0].ticket, events[0].account, events[0].attempts_used) == ("T-1", None, None)


def test_what_can_not_be_a_name_is_not_looked_up(desk: Desk) -> None:
    """A malformed name is a usage error, and leaves no trace of what was typed."""
    seq = last_seq(desk)
    with desk.session() as session, pytest.raises(MalformedName):
        verify(session, "al ice", PIN, None)
    assert last_seq(desk) == seq


def test_during_a_comparison_the_charge_is_on_disk_and_nobody_is_held_up(desk: Desk) -> None:
    """Charged, signals put off, the user's lock held, and the database free for others."""
    user = with_counter(desk, 2)
    seen: dict[str, object] = {}

    def look() -> None:
        on_disk = desk.user("alice")
        seen["charge"] = (on_disk.failed_attempts, on_disk.open_attempt is not None)
        seen["signals"] = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        with closing(sqlite3.connect(desk.database, isolation_level=None, timeout=0)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("COMMIT")
        lock_file = desk.store / "pincli.lock"
        with other("lock_holder", lock_file, user.id) as rival:
            assert rival.said() == "trying"
            assert rival.says_nothing_for(0.2)
        with other("lock_holder", lock_file, 0) as writer_lock:
            assert (writer_lock.said(), writer_lock.said()) == ("trying", "held")

    verifiers = WatchingVerifiers(look)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with desk.session() as session:
        verdict = verify(session._replace(verifiers=verifiers), "alice", PIN, None)
    assert verdict.outcome is Outcome.VERIFIED
    assert verifiers.compared == 1
    assert seen["charge"] == (3, True)
    blocked = seen["signals"]
    assert isinstance(blocked, set)
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP} <= blocked
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


def test_an_error_in_the_comparison_leaves_the_attempt_charged(desk: Desk) -> None:
    """Whatever goes wrong between charge and settle, the guess has been paid for."""

    def fail() -> None:
        raise MemoryError

    with_counter(desk, 5)
    with desk.session() as session, pytest.raises(MemoryError):
        verify(session._replace(verifiers=WatchingVerifiers(fail)), "alice", PIN, None)
    left = desk.user("alice")
    assert left.failed_attempts == 6
    assert left.open_attempt is not None
    with desk.session() as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.LOCKED
    assert (desk.user("alice").locks_total, desk.user("alice").open_attempt) == (1, None)
    assert kinds_after(desk, left.open_attempt) == [
        ("abandoned", None, 6),
        ("locked", None, 6),
        ("refused", "locked", 6),
    ]


@pytest.mark.parametrize("answer", [PIN, WRONG])
def test_a_settle_that_can_not_be_written_verifies_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """A disk that fails after the charge is an error, no verdict; the attempt stays charged."""
    before = with_counter(desk, 2)
    full = "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'x'); END"
    overtake(monkeypatch, attempts.settle, lambda: desk.sql(full))
    with desk.session() as session, pytest.raises(StoreUnavailable):
        verify(session, "alice", answer, None)
    desk.sql("DROP TRIGGER full")
    left = desk.user("alice")
    assert left.failed_attempts == 3
    assert left.open_attempt == last_seq(desk)
    assert left.last_verified_at == before.last_verified_at


def test_a_dead_attempt_counts_before_the_next_answer(desk: Desk) -> None:
    """The miss of a killed process is closed first; the next right answer clears it."""
    attempt = left_open(desk, with_counter(desk, 4))
    with desk.session() as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert kinds_after(desk, attempt.attempt) == [
        ("abandoned", None, 5),
        ("attempt", None, 6),
        ("verified", "verified", 0),
    ]
    assert desk.user("alice").locks_total == 0


def test_admitting_asks_before_the_pin_is_taken_down(desk: Desk) -> None:
    """An active user is let through without a charge; any other state is the verdict at once."""
    before = with_counter(desk, 5)
    locked = with_counter(desk, 6, "bob")
    with desk.session() as session:
        seq = last_seq(desk)
        assert admit(session, " ALICE", None) == before
        assert last_seq(desk) == seq
        assert admit(session, "bob", "T-1") == Verdict(Outcome.LOCKED, locked, State.LOCKED)
        with pytest.raises(UnknownUser):
            admit(session, "carol", None)
    assert desk.user("alice") == before
