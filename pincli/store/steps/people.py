"""Adding users, switching them on and off, and recording what changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pincli.errors import Refused, Rule
from pincli.models import Change, EventKind, NewEvent, User, UserType
from pincli.rules import lockout
from pincli.rules.people import edited, newcomer, switched, takes_the_pin
from pincli.store.steps.again import read_again, read_all_again, taken

if TYPE_CHECKING:
    from pincli.store.contract import Transaction

_RANDOM_BYTES = 16
_ANYBODY: Mapping[int, bytes] = {}


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
        Refused: The account has a user of that login. That of another account is another person.
    """
    _refuse_if_there(transaction, account, login)
    user = newcomer(
        os.urandom(_RANDOM_BYTES),
        os.urandom(_RANDOM_BYTES),
        account=account,
        login=login,
        display_name=display_name,
        email=email,
        user_type=user_type,
        at=transaction.at,
    )
    transaction.save([NewEvent(EventKind.USER_ADDED, user)])
    (added,) = _of(account, transaction.named([login]))
    return added


def edit(
    transaction: Transaction, asked: User, fields: Mapping[str, Any], *, reason: str | None
) -> Change | lockout.Refusal:
    """Change what the record says of a user; uid, counter and history stay, and mostly the PIN.

    Args:
        transaction: The transaction to write in.
        asked: Whom, as read before.
        fields: As `edited` takes them.
        reason: Why, for the event.

    Returns:
        The record before and after; or the refusal, recorded, for the caller to raise.

    Raises:
        Refused: The account has another user of that login.
    """
    user = read_again(transaction, asked)
    now = user._replace(**fields)
    if (now.account, now.login) != (user.account, user.login):
        _refuse_if_there(transaction, now.account, now.login)
    taking = partial(edited, reason=reason, **fields)
    withdraws = takes_the_pin(user, active=user.active, user_type=now.type)
    after = taken(transaction, user, taking, withdraws=withdraws)
    return Change(user, after) if isinstance(after, User) else after


def erase(transaction: Transaction, asked: User) -> User | lockout.Refusal:
    """Empty a record, and remove the texts of its events; the events stay.

    Returns:
        The record afterwards; or the refusal, recorded, for the caller to raise.
    """
    user = read_again(transaction, asked)
    return taken(transaction, user, lockout.erased, withdraws=True)


def _refuse_if_there(transaction: Transaction, account: str, login: str) -> None:
    if _of(account, transaction.named([login])):
        raise Refused(Rule.USER_EXISTS, login, account)


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

    Raises:
        Refused: One to activate is erased.
    """
    taking = partial(switched, active=active, reason=reason)
    events: list[NewEvent] = []
    changes = []
    for user in read_all_again(transaction, rows, uids, tampered):
        if user.active == active:
            changes.append(Change(user, user))
            continue
        step, refusal = lockout.ended_first(user, taking, withdraws=not active, at=transaction.at)
        if refusal is not None:
            raise refusal
        events += step
        changes.append(Change(user, lockout.after(user, step)))
    transaction.save(events)
    return changes


def record(transaction: Transaction, *events: NewEvent) -> None:
    """Record events that change nobody, such as a command that was refused."""
    transaction.save(
        [
            event._replace(user=read_again(transaction, event.user)) if event.user else event
            for event in events
        ]
    )
