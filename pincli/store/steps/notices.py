"""Telling the deployment's hook of locks: which one is next, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pincli.models import EventKind, NewEvent, Notice

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def next_notice(transaction: Transaction) -> Notice | None:
    """The oldest lock that waits, if nobody else is telling now."""
    return transaction.next_notice()


def delivered(transaction: Transaction, number: int, failure: str | None) -> None:
    """Note that the hook took a lock, or failed; the first failure is an event."""
    if transaction.settle_notice(number, told=failure is None):
        note = f"{number}: {failure}"
        transaction.save([NewEvent(EventKind.NOTICE_FAILED, note=note)])
