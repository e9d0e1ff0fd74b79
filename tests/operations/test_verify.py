"""Verifying: what each answer does to the record, and what happens around a comparison."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from typing import cast

import pytest

from pincli.errors import (
    MalformedName,
    MalformedPin,
    PinChangedMeanwhile,
    StoreUnavailable,
    UnknownUser,
    VerifierDamaged,
)
from pincli.models import Outcome, State, User, UserType, Verdict
from pincli.operations import people, pins
from pincli.operations.verify import admit, verify
from pincli.store.steps import attempts
from tests.operations.watching import WatchingAnswers
from tests.store.attempting import (
    PIN,
    kinds_after,
    last_number,
    left_open,
    rewrite,
    told,
    told_verdict,
    with_counter,
)
from tests.store.processes import other
from tests.support.desk import Desk
from tests.support.overtaking import overtake

WRONG = "234811"
NEW_PIN = "907316"
FORBIDDEN = "000000"
MALFORMED = ("", "12345", "1234567", "12a456", "\uff14\uff14\uff14\uff11\uff15\uff19", f"{PIN}\n")


@pytest.mark.parametrize("counter", range(6))
def test_the_right_answer_verifies_and_clears_the_counter(desk: Desk, counter: int) -> None:
    """After any number of misses short of six: verified, counter 0, PIN kept."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        verdict = verify(session, "alice", PIN, "T-1")
        on_disk = desk.user("alice")
    assert told_verdict(verdict) == Verdict(Outcome.VERIFIED, told(on_disk), State.ACTIVE)
    assert on_disk.failed_attempts == 0
    assert (on_disk.question, on_disk.pin_version) == (before.question, before.pin_version)
    assert on_disk.attempts_total == before.attempts_total + 1
    assert kinds_after(desk, number) == [
        ("attempt", None, counter + 1),
        ("verified", "verified", 0),
    ]
    assert {event.ticket for event in desk.events() if event.seq > number} == {"T-1"}


@pytest.mark.parametrize("answer", [WRONG, FORBIDDEN, "123456"])
@pytest.mark.parametrize("counter", range(6))
def test_a_wrong_answer_counts_one(desk: Desk, counter: int, answer: str) -> None:
    """One more miss, also for a PIN that the rules forbid; the sixth locks."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    with desk.session() as session:
        verdict = verify(session, "alice", answer, None)
        on_disk = desk.user("alice")
    locked = counter == 5
    state = State.LOCKED if locked else State.ACTIVE
    assert told_verdict(verdict) == Verdict(Outcome.INCORRECT, told(on_disk), state)
    assert on_disk.failed_attempts == counter + 1
    assert (on_disk.pin_check, on_disk.last_verified_at) == (before.pin_check, None)
    assert on_disk.locks_total == int(locked)
    assert kinds_after(desk, number) == [
        ("attempt", None, counter + 1),
        ("incorrect", "incorrect", counter + 1),
        *([("locked", None, 6)] if locked else []),
    ]


@pytest.mark.parametrize("answer", MALFORMED)
@pytest.mark.parametrize("counter", [0, 5])
def test_a_malformed_answer_is_a_slip(desk: Desk, counter: int, answer: str) -> None:
    """What is not six digits is never charged, never compared and never recorded."""
    before = with_counter(desk, counter)
    number = last_number(desk)
    answers = WatchingAnswers()
    with desk.session() as session, pytest.raises(MalformedPin):
        verify(session._replace(answers=answers), "alice", answer, None)
    assert answers.answered == 0
    assert desk.user("alice") == before
    assert last_number(desk) == number


def uncomparable(desk: Desk, state: State) -> User:
    """A user in a state in which there is nothing to compare."""
    match state:
        case State.LOCKED:
            return with_counter(desk, 6)
        case State.INACTIVE:
            with_counter(desk, 3)
            with desk.session() as session:
                people.set_active(session, "alice", active=False, reason=None)
            return desk.user("alice")
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
    number = last_number(desk)
    answers = WatchingAnswers()
    with desk.session() as session:
        verdict = verify(session._replace(answers=answers), "alice", answer, None)
    assert verdict == Verdict(Outcome(state.value), before, state)
    assert answers.answered == 0
    assert desk.user("alice") == before
    assert kinds_after(desk, number) == [("refused", state.value, before.failed_attempts)]


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
    assert len(desk.sql("SELECT * FROM people")) == 1


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
    number = last_number(desk)
    with desk.session() as session, pytest.raises(MalformedName):
        verify(session, "al ice", PIN, None)
    assert last_number(desk) == number


def test_during_a_comparison_the_charge_is_on_disk_and_nobody_is_held_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between charge and settle: charged, signals put off, and no lock held."""
    with_counter(desk, 2)
    seen: dict[str, object] = {}

    def look() -> None:
        on_disk = desk.user("alice")
        seen["charge"] = (on_disk.failed_attempts, on_disk.attempt is not None)
        seen["signals"] = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        seen["free"] = _is_free(desk)

    overtake(monkeypatch, attempts.settle, look)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with desk.session() as session:
        verdict = verify(session, "alice", PIN, None)
    assert verdict.outcome is Outcome.VERIFIED
    assert seen["charge"] == (3, True)
    assert seen["free"] is True
    blocked = seen["signals"]
    assert isinstance(blocked, set)
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP} <= blocked
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


def test_while_an_answer_is_hashed_nothing_is_charged_or_held(desk: Desk) -> None:
    """The slow part comes before the charge: signals end it, and others go on."""
    before = with_counter(desk, 2)
    number = last_number(desk)
    seen: dict[str, object] = {}

    def look() -> None:
        seen["user"] = desk.user("alice")
        seen["number"] = last_number(desk)
        seen["free"] = _is_free(desk)
        seen["signals"] = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    answers = WatchingAnswers(look)
    with desk.session() as session:
        verify(session._replace(answers=answers), "alice", WRONG, None)
    assert answers.answered == 1
    assert (seen["user"], seen["number"], seen["free"]) == (before, number, True)
    assert not {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} & cast(set[int], seen["signals"])


def _is_free(desk: Desk) -> bool:
    """Whether another process gets the writer lock and the database at once."""
    with closing(sqlite3.connect(desk.database, isolation_level=None, timeout=0)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("COMMIT")
    with other("lock_holder", desk.store / "pincli.lock", 0) as rival:
        return (rival.said(), rival.said()) == ("trying", "held")


def test_an_error_while_hashing_charges_nobody(desk: Desk) -> None:
    """A host without memory locks nobody out, however often it is tried."""

    def fail() -> None:
        raise MemoryError

    before = with_counter(desk, 5)
    number = last_number(desk)
    with desk.session() as session, pytest.raises(MemoryError):
        verify(session._replace(answers=WatchingAnswers(fail)), "alice", PIN, None)
    assert desk.user("alice") == before
    assert last_number(desk) == number


@pytest.mark.parametrize(("answer", "kind"), [(PIN, "verified"), (WRONG, "incorrect")])
def test_an_error_after_the_charge_leaves_the_attempt_charged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, kind: str
) -> None:
    """The guess has been paid for; the next command gives it the outcome it would have got."""

    def fail() -> None:
        raise MemoryError

    with_counter(desk, 5)
    with monkeypatch.context() as patch:
        overtake(patch, attempts.settle, fail)
        with desk.session() as session, pytest.raises(MemoryError):
            verify(session, "alice", answer, None)
    left = desk.user("alice")
    assert left.failed_attempts == 6
    assert left.attempt is not None
    locks = kind == "incorrect"
    with desk.session() as session:
        verdict = verify(session, "alice", PIN, None)
    assert verdict.outcome is (Outcome.LOCKED if locks else Outcome.VERIFIED)
    assert (desk.user("alice").locks_total, desk.user("alice").attempt) == (int(locks), None)
    after = [("locked", None, 6), ("refused", "locked", 6)]
    if not locks:
        after = [("attempt", None, 1), ("verified", "verified", 0)]
    assert kinds_after(desk, left.attempt) == [(kind, kind, 6 if locks else 0), *after]


def test_a_pin_replaced_while_its_answer_is_hashed_is_asked_again(desk: Desk) -> None:
    """The answer to the question of before is charged to nobody; that to the new one counts."""
    with_counter(desk, 5)

    def replace() -> None:
        if desk.user("alice").pin_version == 1:
            with desk.session() as session:
                pins.change(session, "alice", NEW_PIN)

    answers = WatchingAnswers(replace)
    number = last_number(desk)
    with desk.session() as session:
        verdict = verify(session._replace(answers=answers), "alice", NEW_PIN, None)
    assert verdict.outcome is Outcome.VERIFIED
    assert answers.answered == 2
    assert [kind for kind, *_ in kinds_after(desk, number)][-2:] == ["attempt", "verified"]


def test_a_question_that_never_holds_still_ends_in_an_error(desk: Desk) -> None:
    """Somebody who changes the record again and again makes no verify run for ever."""
    with_counter(desk, 2)

    def replace() -> None:
        with desk.session() as session:
            version = desk.user("alice").pin_version
            pins.change(session, "alice", NEW_PIN if version % 2 else PIN)

    with desk.session() as session, pytest.raises(PinChangedMeanwhile):
        verify(session._replace(answers=WatchingAnswers(replace)), "alice", WRONG, None)
    assert desk.user("alice").attempts_total == 0


@pytest.mark.parametrize("column", ["pin_check", "pin_proof"])
def test_a_record_without_proof_is_not_hashed(desk: Desk, column: str) -> None:
    """Who can write a sealed record, but has no verify.key, can't make a yes."""
    with_counter(desk, 2)
    before = rewrite(desk, "alice", **{column: bytes(32)})
    answers = WatchingAnswers()
    with desk.session() as session, pytest.raises(VerifierDamaged):
        verify(session._replace(answers=answers), "alice", PIN, None)
    assert answers.answered == 0
    assert desk.user("alice") == before


@pytest.mark.parametrize("answer", [PIN, WRONG])
def test_a_settle_that_can_not_be_written_verifies_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """A disk that fails after the charge is an error, no verdict; the attempt stays charged."""
    before = with_counter(desk, 2)
    full = "CREATE TRIGGER full BEFORE INSERT ON trail BEGIN SELECT raise(ABORT, 'x'); END"
    overtake(monkeypatch, attempts.settle, lambda: desk.sql(full))
    with desk.session() as session, pytest.raises(StoreUnavailable):
        verify(session, "alice", answer, None)
    desk.sql("DROP TRIGGER full")
    left = desk.user("alice")
    assert left.failed_attempts == 3
    assert left.attempt == last_number(desk)
    assert left.last_verified_at == before.last_verified_at


@pytest.mark.parametrize("answer", [PIN, WRONG])
def test_a_dead_attempt_is_ended_before_the_next_answer(desk: Desk, answer: str) -> None:
    """A killed process's answer gets its outcome first, right or wrong; then the next counts."""
    attempt = left_open(desk, with_counter(desk, 4), answer)
    with desk.session() as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    ended = ("verified", "verified", 0) if answer == PIN else ("incorrect", "incorrect", 5)
    assert kinds_after(desk, attempt.number) == [
        ended,
        ("attempt", None, 1 if answer == PIN else 6),
        ("verified", "verified", 0),
    ]
    assert desk.user("alice").locks_total == 0


def test_admitting_asks_before_the_pin_is_taken_down(desk: Desk) -> None:
    """An active user is let through without a charge; any other state is the verdict at once."""
    before = with_counter(desk, 5)
    locked = with_counter(desk, 6, "bob")
    with desk.session() as session:
        number = last_number(desk)
        assert admit(session, " ALICE", None) == before
        assert last_number(desk) == number
        assert admit(session, "bob", "T-1") == Verdict(Outcome.LOCKED, locked, State.LOCKED)
        with pytest.raises(UnknownUser):
            admit(session, "carol", None)
    assert desk.user("alice") == before
