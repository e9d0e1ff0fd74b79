"""Attempts taken step by step, so that things can happen between charge and settle."""

from __future__ import annotations

from pincli.models import User, Verdict
from pincli.operations.session import Session
from pincli.store.steps import attempts
from pincli.store.steps.attempts import Charged
from tests.support.desk import Desk

PIN = "444159"


def with_counter(desk: Desk, counter: int, name: str = "alice") -> User:
    """A user with a PIN and this many misses so far."""
    desk.collected(name, pin=PIN)
    desk.sql("UPDATE users SET failed_attempts = ? WHERE user = ?", counter, name)
    if counter == 6:
        desk.sql(
            "UPDATE users SET locked_since = '2026-01-01T00:00:00Z', locks_total = 1 "
            "WHERE user = ?",
            name,
        )
    return desk.user(name)


def charge(session: Session, user: User, ticket: str | None = None) -> Charged | Verdict:
    """Ask for a charge, whatever the answer."""
    keys = session.keyring.verify_keys
    return session.store.write(attempts.charge, user.id, verify_keys=keys, ticket=ticket)


def charged(session: Session, user: User, ticket: str | None = None) -> Charged:
    """A charged attempt of a user whose state allows one."""
    result = charge(session, user, ticket)
    assert isinstance(result, Charged)
    return result


def settled(session: Session, attempt: Charged, *, matched: bool) -> Verdict:
    """The verdict on a charged attempt."""
    return session.store.write(attempts.settle, attempt, matched=matched, renewed=None, ticket=None)


def left_open(desk: Desk, user: User) -> Charged:
    """An attempt whose process died after it was charged."""
    with desk.session() as session, session.holding(user) as held:
        return charged(session, held)


def kinds_after(desk: Desk, seq: int) -> list[tuple[str, str | None, int | None]]:
    """Kind, outcome and counter of the events after one."""
    rows = desk.sql(
        "SELECT kind, outcome, attempts_used FROM events WHERE seq > ? ORDER BY seq", seq
    )
    return [(kind, outcome, used) for kind, outcome, used in rows]


def last_seq(desk: Desk) -> int:
    """The number of the latest event."""
    ((seq,),) = desk.sql("SELECT max(seq) FROM events")
    return int(seq)
