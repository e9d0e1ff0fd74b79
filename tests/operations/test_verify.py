"""Verifying: what each answer does to the record, and what may happen meanwhile."""

from __future__ import annotations

import secrets
import signal
import sqlite3
from contextlib import closing
from itertools import cycle
from typing import Any

import pytest

from pincli.errors import (
    HashUnavailable,
    MalformedName,
    MalformedPin,
    OutOfMemory,
    PinChangedMeanwhile,
    StoreUnavailable,
    UnknownUser,
    VerifierDamaged,
)
from pincli.models import Outcome, State, User, UserType, Verdict
from pincli.operations import people, pins
from pincli.operations.session import Need
from pincli.operations.trail_check import require_sound
from pincli.operations.verify import add_ticket, admit, verify
from pincli.store.steps import attempts
from pincli.store.steps.pins import withdraw
from tests.operations.watching import WatchingAnswers
from tests.store.attempting import (
    PIN,
    kinds_after,
    last_number,
    rewrite,
    with_counter,
)
from tests.store.processes import other
from tests.support.desk import Desk
from tests.support.overtaking import overtake

pytestmark = pytest.mark.engines(in_turn=True)

WRONG = "234811"
FORBIDDEN = "000000"
MALFORMED = ("", "12345", "1234567", "12a456", "\uff14\uff14\uff14\uff11\uff15\uff19", f"{PIN}\n")


def test_a_malformed_answer_is_never_charged(desk: Desk) -> None:
    """Nor hashed or recorded."""
    before = with_counter(desk, 5)
    number = last_number(desk)
    answers = WatchingAnswers()
    with desk.session() as session:
        for answer in MALFORMED:
            with pytest.raises(MalformedPin):
                verify(session._replace(answers=answers), "alice", answer, None)
    assert answers.hashed == 0
    assert desk.user("alice") == before
    assert last_number(desk) == number


def uncomparable(desk: Desk, state: State) -> User:
    """A user in a state with nothing to compare."""
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


@pytest.mark.parametrize(
    "state", [State.LOCKED, State.INACTIVE, State.INELIGIBLE, State.UNCOLLECTED]
)
def test_nothing_is_compared_in_any_other_state(desk: Desk, state: State) -> None:
    """The state is the verdict for any answer, and nothing changes."""
    before = uncomparable(desk, state)
    number = last_number(desk)
    given, answers = (PIN, WRONG, *MALFORMED), WatchingAnswers()
    with desk.session() as session:
        for answer in given:
            verdict = verify(session._replace(answers=answers), "alice", answer, None)
            assert verdict == Verdict(Outcome(state.value), before, state)
    assert answers.hashed == 0
    assert desk.user("alice") == before
    refused = ("refused", state.value, before.failed_attempts)
    assert kinds_after(desk, number) == [refused] * len(given)


def test_every_spelling_shares_one_counter(desk: Desk) -> None:
    """No spelling gives an attacker new guesses."""
    desk.collected("alice", pin=PIN)
    with desk.session() as session:
        for name in ("alice", "Alice", " alice", "ALICE\n", "aLICE", "\talice "):
            verify(session, name, WRONG, None)
    assert desk.user("alice").failed_attempts == 6
    assert len(desk.sql("SELECT * FROM people")) == 1


@pytest.mark.parametrize("answer", [PIN, "12345"])
def test_an_unknown_user_is_an_event(desk: Desk, answer: str) -> None:
    """What looks like a PIN is masked; the user is checked before the answer."""
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


def test_an_impossible_name_is_wrong_usage(desk: Desk) -> None:
    """It leaves no event."""
    number = last_number(desk)
    with desk.session() as session, pytest.raises(MalformedName):
        verify(session, "al ice", PIN, None)
    assert last_number(desk) == number


@pytest.mark.folder
def test_while_an_answer_is_hashed_nothing_is_charged_and_nothing_held(desk: Desk) -> None:
    """A host that fails here locks nobody out."""
    before = with_counter(desk, 2)
    seen: dict[str, object] = {}

    def look() -> None:
        seen["record"] = desk.user("alice")
        seen["signals"] = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        with closing(sqlite3.connect(desk.database, isolation_level=None, timeout=0)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            writer.execute("COMMIT")
        with other("lock_holder", desk.store / "pincli.lock", 0) as writer_lock:
            assert (writer_lock.said(), writer_lock.said()) == ("trying", "held")

    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    answers = WatchingAnswers(look)
    with desk.session() as session:
        verdict = verify(session._replace(answers=answers), "alice", PIN, None)
    assert verdict.outcome is Outcome.VERIFIED
    assert answers.hashed == 1
    assert seen == {"record": before, "signals": mask}


@pytest.mark.folder
def test_between_charge_and_settle_the_attempt_is_on_disk_and_signals_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lock is held."""
    with_counter(desk, 2)
    seen: list[tuple[int, bool]] = []
    masks = []

    def look() -> None:
        on_disk = desk.user("alice")
        seen.append((on_disk.failed_attempts, on_disk.attempt_answer == on_disk.pin_check))
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        with other("lock_holder", desk.store / "pincli.lock", 0) as writer_lock:
            assert (writer_lock.said(), writer_lock.said()) == ("trying", "held")

    overtake(monkeypatch, attempts.settle, look)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with desk.session() as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert seen == [(3, True)]
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP} <= masks[0]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


FAILURES = {
    "memory": OutOfMemory(),
    "library": HashUnavailable("no backend"),
    "crash": MemoryError(),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_hash_that_fails_charges_nobody(desk: Desk, failure: str) -> None:
    """However often it is tried."""
    before = with_counter(desk, 5)
    number = last_number(desk)

    def fail() -> None:
        raise FAILURES[failure]

    with desk.session() as session:
        failing = session._replace(answers=WatchingAnswers(fail))
        for _ in range(7):
            with pytest.raises(type(FAILURES[failure])):
                verify(failing, "alice", PIN, None)
    assert desk.user("alice") == before
    assert last_number(desk) == number


def test_a_question_that_changes_meanwhile_is_asked_again(desk: Desk) -> None:
    """The answer is for the PIN at the charge."""
    with_counter(desk, 2)
    with desk.session() as session:

        def replace_once() -> None:
            if answers.hashed == 1:
                pins.change(session, "alice", "987321")

        answers = WatchingAnswers(replace_once)
        verdict = verify(session._replace(answers=answers), "alice", "987321", None)
    assert verdict.outcome is Outcome.VERIFIED
    assert answers.hashed == 2
    assert verdict.user.attempts_total == 1


def test_a_pin_withdrawn_during_hashing_is_the_verdict(desk: Desk) -> None:
    """It is recorded, and nothing is charged."""
    user = with_counter(desk, 2)
    with desk.session() as session:
        answers = WatchingAnswers(
            lambda: session.store.write(withdraw, [user.id], unlock=False, reason=None)
        )
        verdict = verify(session._replace(answers=answers), "alice", PIN, None)
    assert (verdict.outcome, verdict.user.attempts_total) == (Outcome.UNCOLLECTED, 0)


def test_somebody_else_in_the_row_is_never_verified(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an older store was restored after the user was looked up."""
    alice = with_counter(desk, 2)
    stranger = alice._replace(uid=secrets.token_bytes(16), question=None)
    monkeypatch.setattr("pincli.operations.verify.require_user", lambda *_, **__: stranger)
    with desk.session() as session, pytest.raises(UnknownUser):
        verify(session, "alice", PIN, None)
    assert desk.user("alice") == alice


def test_a_question_is_asked_at_most_twenty_times(desk: Desk) -> None:
    """Then it is an error, and nothing is charged."""
    with_counter(desk, 2)
    choices = cycle(["987321", "234811"])
    with desk.session() as session:
        answers = WatchingAnswers(lambda: pins.change(session, "alice", next(choices)))
        with pytest.raises(PinChangedMeanwhile):
            verify(session._replace(answers=answers), "alice", PIN, None)
    assert answers.hashed == 20
    assert desk.user("alice").attempts_total == 0
    assert "attempt" not in {event.kind.value for event in desk.events()}


@pytest.mark.parametrize("column", ["pin_check", "pin_proof", "question", "pin_version"])
def test_a_record_without_its_proof_is_not_charged_and_verifies_nobody(
    desk: Desk, column: str
) -> None:
    """An attacker with audit.key, but without verify.key, has written it."""
    with_counter(desk, 2)
    forged: dict[str, Any] = {
        "pin_check": bytes(32),
        "pin_proof": bytes(32),
        "question": "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA",
        "pin_version": 9,
    }
    before = rewrite(desk, "alice", **{column: forged[column]})
    number = last_number(desk)
    with desk.session() as session, pytest.raises(VerifierDamaged):
        verify(session, "alice", PIN, None)
    assert desk.user("alice") == before
    assert last_number(desk) == number


@pytest.mark.folder
@pytest.mark.parametrize("answer", [PIN, WRONG])
def test_a_settle_that_can_not_be_written_verifies_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """It is an error, and the attempt stays charged."""
    before = with_counter(desk, 2)
    foreign = "CREATE TABLE foreign_object (x)"
    overtake(monkeypatch, attempts.settle, lambda: desk.sql(foreign))
    with desk.session() as session, pytest.raises(StoreUnavailable) as error:
        verify(session, "alice", answer, None)
    assert error.value.charge == "charged"
    desk.sql("DROP TABLE foreign_object")
    left = desk.user("alice")
    assert left.failed_attempts == 3
    assert left.attempt == last_number(desk)
    assert left.last_verified_at == before.last_verified_at


@pytest.mark.folder
def test_a_charge_that_can_not_be_written_is_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that nothing was charged."""
    before = with_counter(desk, 2)
    overtake(monkeypatch, attempts.charge, lambda: desk.sql("CREATE TABLE foreign_object (x)"))
    with desk.session() as session, pytest.raises(StoreUnavailable) as error:
        verify(session, "alice", PIN, None)
    assert error.value.charge == "not charged"
    desk.sql("DROP TABLE foreign_object")
    assert desk.user("alice") == before


def test_a_user_is_admitted_before_the_pin_is_read(desk: Desk) -> None:
    """An active user without a charge; any other state is the verdict."""
    before = with_counter(desk, 5)
    locked = with_counter(desk, 6, "bob")
    with desk.session() as session:
        number = last_number(desk)
        assert admit(session, " ALICE", None) == before
        assert last_number(desk) == number
        assert admit(session, "bob", "T-1") == Verdict(Outcome.LOCKED, locked, State.LOCKED)
        with pytest.raises(UnknownUser):
            admit(session, "carol", None)
        assert kinds_after(desk, number) == [
            ("refused", "locked", 6),
            ("refused", "unknown_user", None),
        ]
    assert (desk.user("alice"), desk.user("bob")) == (before, locked)


@pytest.mark.engines
@pytest.mark.parametrize("pin", [PIN, WRONG])
def test_a_ticket_may_come_after_the_verdict(desk: Desk, pin: str) -> None:
    """It is an event with the attempt's number, after a right or a wrong answer."""
    desk.collected("alice")
    with desk.front.session(Need.ATTEMPT, Need.COMPARE) as session:
        verdict = verify(session, "alice", pin, None)
        add_ticket(session, verdict, "T-4711")
    charged = [event.seq for event in desk.events("alice") if event.kind == "attempt"]
    event = desk.events()[-1]
    assert (event.kind, event.user, event.ticket) == ("ticket_added", "alice", "T-4711")
    assert [event.attempt] == [verdict.attempt] == charged
    with desk.front.session(Need.ATTEMPT, Need.COMPARE) as session:
        assert verify(session, "alice", PIN, None).outcome == "verified"
    with desk.session(Need.CHECK) as session:
        require_sound(session)
