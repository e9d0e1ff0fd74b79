"""Adding users, switching them on and off, and recording what changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.models import Change, EventKind, NewEvent, User, UserType
from pincli.rules import lockout
from pincli.rules.people import newcomer, switched
from pincli.store.contract import Transaction


def add_user(
    transaction: Transaction, login: str, account: str, display_name: str, user_type: UserType
) -> User:
    """Add an active user without a PIN.

    Raises:
        Refused: There is a user of that login.
    """
    user = newcomer(login, account, display_name, user_type, at=transaction.at)
    transaction.save([NewEvent(EventKind.USER_ADDED, user)])
    return transaction.named([login])[login]


def set_active(
    transaction: Transaction, rows: Sequence[int], *, active: bool, reason: str | None
) -> list[Change]:
    """Activate or deactivate users; counter and PIN stay as they are.

    Returns:
        Each record before and after; nothing is written for one that already was so.
    """
    steps = [
        (user, switched(user, active=active, reason=reason)) for user in transaction.users(rows)
    ]
    transaction.save([event for _, step in steps for event in step])
    return [Change(user, lockout.after(user, step)) for user, step in steps]


def record(transaction: Transaction, event: NewEvent) -> None:
    """Record an event that is about no user, such as a command that was refused."""
    transaction.save([event])


def record_unknown(
    transaction: Transaction, names: Sequence[str], *, outcome: str, ticket: str | None
) -> None:
    """Record that somebody asked for users that don't exist.

    Args:
        transaction: The transaction to write in.
        names: What was typed, masked.
        outcome: The word for it.
        ticket: The ticket that it was for.
    """
    transaction.save(
        [NewEvent(EventKind.REFUSED, name=name, outcome=outcome, ticket=ticket) for name in names]
    )
