"""Adding users, switching them on and off, and recording what changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pincli.errors import Refused, Rule
from pincli.models import Change, EventKind, NewEvent, User, UserType
from pincli.rules import lockout
from pincli.rules.people import newcomer, switched
from pincli.store.steps.again import read_all_again

if TYPE_CHECKING:
    from pincli.store.contract import Transaction

_RANDOM_BYTES = 16
_ANYBODY: Mapping[int, bytes] = {}


def add_user(
    transaction: Transaction, login: str, account: str, display_name: str, user_type: UserType
) -> User:
    """Add an active user without a PIN.

    Raises:
        Refused: The account has a user of that login. That of another account is another person.
    """
    if _of(account, transaction.named([login])):
        raise Refused(Rule.USER_EXISTS, login)
    user = newcomer(
        os.urandom(_RANDOM_BYTES),
        os.urandom(_RANDOM_BYTES),
        account=account,
        login=login,
        display_name=display_name,
        email=None,
        user_type=user_type,
        at=transaction.at,
    )
    transaction.save([NewEvent(EventKind.USER_ADDED, user)])
    (added,) = _of(account, transaction.named([login]))
    return added


def _of(account: str, users: list[User]) -> list[User]:
    return [user for user in users if user.account == account]


def set_active(
    transaction: Transaction,
    rows: Sequence[int],
    *,
    active: bool,
    reason: str | None,
    uids: Mapping[int, bytes] = _ANYBODY,
    tampered: list[str] | None = None,
) -> list[Change]:
    """Activate or deactivate users; counters stay, and deactivating withdraws PINs.

    Args:
        transaction: The transaction to write in.
        rows: The users' rows.
        active: Which of both.
        reason: Why, for every event of it.
        uids: Whose rows they were, where that is known.
        tampered: Gets the logins of records that were tampered with, which are left out.

    Returns:
        Each record before and after; nothing is written for one that already was so.
    """
    taking = partial(switched, active=active, reason=reason)
    events: list[NewEvent] = []
    changes = []
    for user in read_all_again(transaction, rows, uids, tampered):
        if user.active == active:
            changes.append(Change(user, user))
            continue
        step, _ = lockout.ended_first(user, taking, withdraws=not active, at=transaction.at)
        events += step
        changes.append(Change(user, lockout.after(user, step)))
    transaction.save(events)
    return changes


def record(transaction: Transaction, *events: NewEvent) -> None:
    """Record events that are about no user, such as a command that was refused."""
    transaction.save(events)
