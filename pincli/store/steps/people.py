"""Adding, editing, erasing and deactivating users, and recording events that change no user."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pincli.errors import Refused, Rule
from pincli.models import Change, EventKind, NewEvent, User, UserType
from pincli.rules import lockout
from pincli.rules.people import edited, switched, takes_the_pin
from pincli.store.steps.records import all_current, change_user, change_users, current

if TYPE_CHECKING:
    from pincli.store.contract import Transaction

_RANDOM_BYTES = 16


def add_user(
    transaction: Transaction,
    login: str,
    account: str,
    display_name: str,
    user_type: UserType,
    email: str | None = None,
) -> User:
    """Add an active user without a PIN.

    Raises:
        Refused: The account has a user with that login. Another account's is another person.
    """
    _refuse_taken(transaction, account, login)
    user = User(
        0,
        os.urandom(_RANDOM_BYTES),
        os.urandom(_RANDOM_BYTES),
        account=account,
        login=login,
        display_name=display_name,
        email=email,
        type=user_type,
        active=True,
        added_at=transaction.at,
    )
    transaction.save([NewEvent(EventKind.USER_ADDED, user)])
    (added,) = _of(account, transaction.named([login]))
    return added


def edit(
    transaction: Transaction, asked: User, fields: Mapping[str, Any], *, reason: str | None
) -> Change | lockout.Refusal:
    """Edit a user. Uid, counter and history stay, and so does the PIN if the type allows one.

    Raises:
        Refused: The account has another user with that login.
    """
    user = current(transaction, asked)
    now = user._replace(**fields)
    if (now.account, now.login) != (user.account, user.login):
        _refuse_taken(transaction, now.account, now.login)
    withdraws = takes_the_pin(user, active=user.active, user_type=now.type)
    change = partial(edited, reason=reason, **fields)
    after = change_user(transaction, user, change, withdraws=withdraws)
    return Change(user, after) if isinstance(after, User) else after


def erase(transaction: Transaction, asked: User) -> User | lockout.Refusal:
    """Empty a record, and remove the texts of its events; the events stay."""
    return change_user(transaction, current(transaction, asked), lockout.erased, withdraws=True)


def set_active(
    transaction: Transaction,
    rows: Sequence[int],
    *,
    active: bool,
    reason: str | None,
    uids: Mapping[int, bytes] | None = None,
    tampered: list[str] | None = None,
) -> list[Change]:
    """Activate or deactivate users. Counters stay; deactivating withdraws PINs.

    Raises:
        Refused: A user to activate is erased.
    """
    users = all_current(transaction, rows, uids, tampered)
    change = partial(switched, active=active, reason=reason)
    others = [user for user in users if user.active != active]
    done = change_users(transaction, others, change, withdraws=not active)
    changed = {change.before.id: change for change in done}
    return [changed.get(user.id, Change(user, user)) for user in users]


def record(transaction: Transaction, *events: NewEvent) -> None:
    """Record events that change no user, such as a refused command."""
    transaction.save(
        [
            event._replace(user=current(transaction, event.user)) if event.user else event
            for event in events
        ]
    )


def _refuse_taken(transaction: Transaction, account: str, login: str) -> None:
    if _of(account, transaction.named([login])):
        raise Refused(Rule.USER_EXISTS, login, account)


def _of(account: str, users: list[User]) -> list[User]:
    return [user for user in users if user.account == account]
