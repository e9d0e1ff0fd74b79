"""Attempts taken step by step, so that tests can act between charge and settle."""

from __future__ import annotations

from typing import Any

from pincli.models import EventKind, NewEvent, User, UserType, Verdict
from pincli.operations import people, pins
from pincli.operations.session import Session
from pincli.store.contract import Transaction
from pincli.store.steps import attempts
from pincli.store.steps.attempts import Charged
from tests.support.desk import Desk

PIN = "444159"
WRONG = "121212"
AT = "2026-01-01T00:00:00Z"

NO_PIN: dict[str, Any] = dict.fromkeys(
    [
        "question",
        "pin_check",
        "pin_proof",
        "verify_key",
        "sealed",
        "portal_key",
        "pin_set_at",
        "pin_set_by",
    ]
)


def rewrite(desk: Desk, name: str, **facts: Any) -> User:
    """Write a user with other facts through the store itself."""
    with desk.session() as session:
        return _with_facts(session, name, facts)


def _with_facts(session: Session, name: str, facts: dict[str, Any]) -> User:
    (user,) = session.store.people.find(name)
    if facts:
        session.store.write(_rewritten, user.id, facts)
        (user,) = session.store.people.find(name)
    return user


def _rewritten(transaction: Transaction, row: int, facts: dict[str, Any]) -> None:
    (user,) = transaction.users([row])
    transaction.save([NewEvent(EventKind.RESTORED, user._replace(**facts))])


def with_counter(desk: Desk, counter: int, name: str = "alice") -> User:
    """A user with a PIN and this many misses so far."""
    with desk.session() as session:  # one: connecting to a server is what takes time
        people.add(session, name, "acme", name.title(), UserType.CLOUD)
        pins.change(session, name, PIN)
        facts: dict[str, Any] = {"failed_attempts": counter} if counter else {}
        if counter == 6:
            facts |= {"locked_since": AT, "locks_total": 1}
        return _with_facts(session, name, facts)


def answer_of(session: Session, user: User, pin: str) -> bytes | None:
    """The answer that a PIN gives to a user's question; None without a question."""
    if user.question is None or user.verify_key is None:
        return None
    key = session.verify_key(user.verify_key)
    return session.answers.answer(user.question, key, user.uid, user.pin_version, pin)


def charge(
    session: Session, user: User, pin: str = WRONG, ticket: str | None = None
) -> Charged | Verdict | None:
    """Try to charge this answer."""
    answer = answer_of(session, user, pin)
    return session.store.write(attempts.charge, user, answer, ticket=ticket)


def charged(session: Session, user: User, pin: str = WRONG, ticket: str | None = None) -> Charged:
    """A charged attempt of a user whose state allows one."""
    result = charge(session, user, pin, ticket)
    assert isinstance(result, Charged)
    return result


def settled(session: Session, attempt: Charged) -> Verdict:
    """The verdict on a charged attempt."""
    return session.store.write(attempts.settle, attempt)


def left_open(desk: Desk, user: User, pin: str = WRONG, *, agent: str = "mia") -> Charged:
    """An attempt whose process died after it was charged."""
    with desk.session(agent=agent, command="verify") as session:
        return charged(session, user, pin, ticket="T-1")


def without_event(user: User) -> User:
    """A record as a step returns it: without the number of its event."""
    return user._replace(event=0)


def verdict_without_event(verdict: Verdict) -> Verdict:
    """A verdict with such a record."""
    return verdict._replace(user=without_event(verdict.user))


def kinds_after(desk: Desk, number: int) -> list[tuple[str, str | None, int | None]]:
    """Kind, outcome and counter of the events after one."""
    rows = desk.sql(
        "SELECT kind, outcome, counter FROM trail WHERE number > ? ORDER BY number", number
    )
    return [(kind, outcome, counter) for kind, outcome, counter in rows]


def last_number(desk: Desk) -> int:
    """The number of the latest event."""
    ((number,),) = desk.sql("SELECT max(number) FROM trail")
    return int(number)
