"""Acknowledging signs of an attack, and notices of locks for the deployment's hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pincli.models import EventKind, NewEvent, User
from pincli.results import Notice
from pincli.store.steps.records import attempt_ended, current

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def acknowledge(
    transaction: Transaction, asked: User | None, *, sign: str, reason: str | None
) -> None:
    """Record that somebody has seen a sign, which may be about a user.

    The id of a user's sign isn't kept: it holds the login, which can be erased.
    """
    if asked is None:
        transaction.save([NewEvent(EventKind.ACKNOWLEDGED, note=sign, reason=reason)])
        return
    ending, user = attempt_ended(transaction, current(transaction, asked))
    transaction.save([*ending, NewEvent(EventKind.ACKNOWLEDGED, user, reason=reason)])


def next_notice(transaction: Transaction) -> Notice | None:
    """Return the oldest waiting notice, unless another process is delivering one."""
    return transaction.next_notice()


def delivered(transaction: Transaction, number: int, failure: str | None) -> None:
    """Remove a delivered notice, or note the failure; the first failure is an event."""
    if transaction.settle_notice(number, delivered=failure is None):
        note = f"{number}: {failure}"
        transaction.save([NewEvent(EventKind.NOTICE_FAILED, note=note)])
