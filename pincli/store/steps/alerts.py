"""Acknowledging a sign of an attack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pincli.models import EventKind, NewEvent, User
from pincli.rules import lockout
from pincli.store.steps.again import read_again

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def acknowledge(
    transaction: Transaction, asked: User | None, *, sign: str, reason: str | None
) -> None:
    """Record that somebody has seen a sign.

    Args:
        transaction: The transaction to record it in.
        asked: The user whom the sign is about; None for other signs.
        sign: The sign's id. That of a user is not kept: it holds the login, which can be erased.
        reason: Why, as the person said, masked.
    """
    if asked is None:
        transaction.save([NewEvent(EventKind.ACKNOWLEDGED, note=sign, reason=reason)])
        return
    user = read_again(transaction, asked)
    ending = lockout.finished(user, at=transaction.at)
    now = lockout.after(user, ending)
    transaction.save([*ending, NewEvent(EventKind.ACKNOWLEDGED, now, reason=reason)])
