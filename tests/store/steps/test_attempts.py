"""Charge and settle, one step at a time."""

from __future__ import annotations

from typing import Any

import pytest

from pincli.errors import AttemptOpen
from pincli.models import Outcome, State, UserType, Verdict
from pincli.operations.session import Need
from pincli.rules import lockout
from pincli.store.contract import Transaction
from pincli.store.steps import attempts
from tests.store.attempting import (
    AT,
    NO_PIN,
    PIN,
    WRONG,
    answer_of,
    charge,
    charged,
    kinds_after,
    last_number,
    left_open,
    rewrite,
    settled,
    verdict_without_event,
    with_counter,
    without_event,
)
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)


@pytest.mark.engines
def test_a_charge_is_counted_and_stored_before_it_is_compared(desk: Desk) -> None:
    """The charge writes counter, totals, agent, open attempt, answer and event."""
    before = with_counter(desk, 5)
    with desk.session(agent="root", command="verify") as session:
        attempt = charged(session, before, WRONG, ticket="T-1")
        answer = answer_of(session, before, WRONG)
        on_disk = desk.user("alice")
    assert answer is not None
    assert on_disk.failed_attempts == 6
    assert on_disk.attempts_total == before.attempts_total + 1
    assert on_disk.attempt == on_disk.event == attempt.number
    assert on_disk.attempt_answer == lockout.check_of(answer)
    assert (on_disk.attempt_agent, on_disk.attempt_command) == ("root", "verify")
    assert on_disk.attempt_ticket == "T-1"
    assert (on_disk.last_attempt_by, on_disk.last_attempt_at) == ("root", on_disk.attempt_at)
    assert (on_disk.locked_since, on_disk.locks_total) == (None, 0)
    assert (attempt.row, attempt.version) == (before.id, before.pin_version)
    event = desk.events()[-1]
    assert (event.seq, event.kind, event.attempts_used) == (attempt.number, "attempt", 6)
    assert event.ticket == "T-1"


def test_a_stored_check_is_no_answer(desk: Desk) -> None:
    """The stored check, sent as an answer, is wrong."""
    before = with_counter(desk, 0)
    attempt = left_open(desk, before, PIN)
    open_record = desk.user("alice")
    assert open_record.attempt_answer == open_record.pin_check
    with desk.session() as session:
        settled(session, attempt)
        user = desk.user("alice")
        again = session.store.write(attempts.charge, user, user.pin_check, ticket=None)
        assert isinstance(again, attempts.Charged)
        assert settled(session, again).outcome is Outcome.INCORRECT


@pytest.mark.engines
@pytest.mark.parametrize("rule_too", [False, True])
def test_a_seventh_charge_is_impossible_even_in_a_wrong_state(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, rule_too: bool
) -> None:
    """The rule refuses a seventh charge, and so does the table's CHECK."""
    before = with_counter(desk, 6)
    number = last_number(desk)
    modules: list[Any] = [attempts, lockout] if rule_too else [attempts]
    for module in modules:
        monkeypatch.setattr(module, "state_of", lambda _user: State.ACTIVE)
    with desk.session() as session, pytest.raises(Exception) as refusal:  # noqa: PT011
        charged(session, before)
    assert isinstance(refusal.value, AttemptOpen) is not rule_too
    said = str(refusal.value.args)
    assert rule_too is ("CHECK constraint failed" in said or "23514" in said)
    assert desk.user("alice") == before
    assert last_number(desk) == number


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"active": False}, State.INACTIVE),
        ({"type": UserType.DATAPIPE}, State.INELIGIBLE),
        (NO_PIN, State.UNCOLLECTED),
        ({"failed_attempts": 6, "locked_since": AT}, State.LOCKED),
    ],
)
def test_a_user_who_is_not_active_is_not_charged(
    desk: Desk, facts: dict[str, Any], state: State
) -> None:
    """The refusal is on record, with the ticket; a locked user gets no seventh charge."""
    asked = with_counter(desk, 3)
    before = rewrite(desk, "alice", **facts)
    number = last_number(desk)
    with desk.session() as session:
        verdicts = [charge(session, user, PIN, "T-1") for user in (asked, before)]
    assert verdicts == [Verdict(Outcome(state.value), before, state)] * 2
    assert desk.user("alice") == before
    refused = ("refused", state.value, before.failed_attempts)
    assert kinds_after(desk, number) == [refused] * 2
    assert desk.events()[-1].ticket == "T-1"


@pytest.mark.parametrize(
    "facts",
    [
        {"pin_version": 9},
        {"question": "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA"},
        {"pin_check": bytes(32)},
        {"pin_proof": bytes(32)},
    ],
)
def test_a_changed_question_is_not_charged(desk: Desk, facts: dict[str, Any]) -> None:
    """If version, question, check or proof has changed, nothing is charged."""
    asked = with_counter(desk, 2)
    before = rewrite(desk, "alice", **facts)
    number = last_number(desk)
    with desk.session() as session:
        assert charge(session, asked, PIN) is None
    assert desk.user("alice") == before
    assert last_number(desk) == number


def test_an_attempt_without_an_answer_is_not_charged(desk: Desk) -> None:
    """An attempt without an answer is not charged, even if the user is active by now."""
    user = with_counter(desk, 2)
    number = last_number(desk)
    with desk.session() as session:
        assert session.store.write(attempts.charge, user, None, ticket=None) is None
    assert last_number(desk) == number


def test_concurrent_right_answers_all_verify(desk: Desk) -> None:
    """Six right answers charged before any settle are all verified."""
    before = with_counter(desk, 5)
    with desk.session() as session:
        opened = [charged(session, before, PIN) for _ in range(6)]
        verdicts = [settled(session, attempt) for attempt in opened]
    assert {verdict.outcome for verdict in verdicts} == {Outcome.VERIFIED}
    assert desk.user("alice").failed_attempts == 0


@pytest.mark.engines
def test_two_charges_in_one_transaction_are_refused(desk: Desk) -> None:
    """A second charge in a transaction undoes the whole transaction."""
    alice, bob = with_counter(desk, 0), with_counter(desk, 0, "bob")
    number = last_number(desk)

    def both(transaction: Transaction, answers: list[bytes | None]) -> None:
        for user, answer in zip((alice, bob), answers, strict=True):
            attempts.charge(transaction, user, answer, ticket=None)

    def twice(transaction: Transaction, answer: bytes | None) -> None:
        for _ in range(2):
            attempts.charge(transaction, alice, answer, ticket=None)

    with desk.session() as session:
        answers = [answer_of(session, user, WRONG) for user in (alice, bob)]
        with pytest.raises(AttemptOpen):
            session.store.write(both, answers)
        with pytest.raises(AttemptOpen):
            session.store.write(twice, answers[0])
    assert (desk.user("alice"), desk.user("bob")) == (alice, bob)
    assert last_number(desk) == number


@pytest.mark.engines
def test_the_sixth_miss_locks(desk: Desk) -> None:
    """The sixth miss is `incorrect` in the state `locked`, with an event of the lock."""
    before = with_counter(desk, 5)
    number = last_number(desk)
    with desk.session() as session:
        attempt = charged(session, before)
        assert desk.user("alice").locked_since is None  # a sixth answer in flight is no lock yet
        verdict = settled(session, attempt)
    after = desk.user("alice")
    assert verdict_without_event(verdict) == Verdict(
        Outcome.INCORRECT, without_event(after), State.LOCKED, attempt.number
    )
    assert (after.failed_attempts, after.locks_total) == (6, 1)
    assert after.locked_since is not None
    assert after.locked_since == after.last_locked_at
    assert kinds_after(desk, number) == [
        ("attempt", None, 6),
        ("incorrect", "incorrect", 6),
        ("locked", None, 6),
    ]


@pytest.mark.engines
@pytest.mark.parametrize(("pin", "outcome"), [(PIN, Outcome.VERIFIED), (WRONG, Outcome.INCORRECT)])
def test_another_process_ends_an_attempt_with_its_own_outcome(
    desk: Desk, pin: str, outcome: Outcome
) -> None:
    """The event has the attempt's own agent and ticket, and its owner gets the same outcome."""
    attempt = left_open(desk, with_counter(desk, 5), pin, agent="mia")
    with desk.session(agent="ben", command="status") as session:
        after = session.store.write(attempts.finish, desk.user("alice"))
        session.store.write(attempts.finish, desk.user("alice"))
    ended = desk.events()[attempt.number]
    assert (ended.kind, ended.attempt) == (outcome.value, attempt.number)
    assert (ended.agent, ended.command, ended.ticket) == ("mia", "verify", "T-1")
    query = "SELECT ended_by FROM trail WHERE number = ?"
    assert desk.sql(query, attempt.number + 1) == [("ben",)]
    locks = outcome is Outcome.INCORRECT
    assert [kind for kind, *_ in kinds_after(desk, attempt.number)] == [
        outcome.value,
        *["locked"] * locks,
    ]
    assert without_event(after) == without_event(desk.user("alice"))
    assert after.locks_total == int(locks)
    number = last_number(desk)
    with desk.session(agent="mia") as session:
        verdict = settled(session, attempt)
    state = State.LOCKED if locks else State.ACTIVE
    assert verdict_without_event(verdict) == Verdict(
        outcome, without_event(after), state, attempt.number
    )
    assert last_number(desk) == number


@pytest.mark.parametrize(("pin", "outcome"), [(PIN, "verified"), (WRONG, "incorrect")])
def test_ending_an_attempt_needs_only_audit_key(desk: Desk, pin: str, outcome: str) -> None:
    """Another process ends an attempt without verify.key and the portal's keys."""
    attempt = left_open(desk, with_counter(desk, 2), pin)
    for name in ("verify.key", "portal.key", "portal.pub"):
        (desk.keys / name).unlink()
    with desk.session(Need.WRITE) as session:
        session.store.write(attempts.finish, desk.user("alice"))
    assert kinds_after(desk, attempt.number) == [(outcome, outcome, 0 if pin == PIN else 3)]


@pytest.mark.parametrize(
    ("change", "word", "state"),
    [
        ({"active": False}, Outcome.INACTIVE, State.INACTIVE),
        ({"pin_version": 7}, Outcome.INCORRECT, State.ACTIVE),
        (NO_PIN | {"pin_version": 7}, Outcome.UNCOLLECTED, State.UNCOLLECTED),
        (
            {"failed_attempts": 6, "locked_since": "2026-01-01T00:00:00Z"},
            Outcome.LOCKED,
            State.LOCKED,
        ),
    ],
)
def test_verified_is_not_told_after_the_pin_has_changed(
    desk: Desk, change: dict[str, Any], word: Outcome, state: State
) -> None:
    """If state or version has changed since the charge, nobody is told *verified*."""
    attempt = left_open(desk, with_counter(desk, 2), PIN)
    with desk.session(agent="ben") as session:
        session.store.write(attempts.finish, desk.user("alice"))
    after = rewrite(desk, "alice", **change)
    number = last_number(desk)
    with desk.session() as session:
        verdict = settled(session, attempt)
    assert verdict == Verdict(word, after, state, attempt.number)
    assert kinds_after(desk, number) == [("not_told", word.value, after.failed_attempts)]
    assert desk.events()[-1].attempt == attempt.number
    assert desk.user("alice") == after


def test_refuse_unless_active_ends_a_sixth_miss_that_was_left_open(desk: Desk) -> None:
    """It ends an attempt left open, so the lock is known before the prompt."""
    attempt = left_open(desk, with_counter(desk, 5))
    with desk.session() as session:
        verdict = session.store.write(
            attempts.refuse_unless_active, desk.user("alice"), ticket=None
        )
    assert verdict is not None
    assert verdict.outcome is Outcome.LOCKED
    assert [kind for kind, *_ in kinds_after(desk, attempt.number)] == [
        "incorrect",
        "locked",
        "refused",
    ]
