"""Reading users' records again inside a transaction, and changing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pincli.errors import NoPinPossible
from pincli.models import Change, EventKind, NewEvent, User
from pincli.rules import lockout

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def current(transaction: Transaction, asked: User) -> User:
    """Return the present record of a user who was read before.

    Raises:
        StoreUnavailable: An older store was restored: the row is gone, or is another user's.
    """
    for user in transaction.users([asked.id]):
        if user.uid == asked.uid:
            return user
    raise transaction.replaced()


def all_current(
    transaction: Transaction,
    rows: Sequence[int],
    uids: Mapping[int, bytes] | None,
    tampered: list[str] | None,
) -> list[User]:
    """Return the present records in some rows.

    Raises:
        StoreUnavailable: An older store was restored: a row is another user's.
    """
    users = transaction.users(rows, tampered)
    if uids and any(uids.get(user.id, user.uid) != user.uid for user in users):
        raise transaction.replaced()
    return users


def attempt_ended(transaction: Transaction, user: User) -> tuple[lockout.Step, User]:
    """Return the step that ends the open attempt, if there is one, and the record after it."""
    step = lockout.finished(user, at=transaction.at)
    return step, lockout.after(user, step)


def change_user(
    transaction: Transaction, user: User, change: lockout.Change, *, withdraws: bool
) -> User | lockout.Refusal:
    """Change one user. Return the record afterwards, or the refusal, which is recorded."""
    step, refusal = lockout.ended_first(user, change, withdraws=withdraws, at=transaction.at)
    after = lockout.after(user, step)
    if refusal is not None:
        step = (*step, refused(after, refusal))
    transaction.save(step)
    return refusal or after


def change_users(
    transaction: Transaction, users: Sequence[User], change: lockout.Change, *, withdraws: bool
) -> list[Change]:
    """Change several users in one write. Raise the first refusal; nothing is written then."""
    events: list[NewEvent] = []
    changes = []
    for user in users:
        step, refusal = lockout.ended_first(user, change, withdraws=withdraws, at=transaction.at)
        if refusal is not None:
            raise refusal
        events += step
        changes.append(Change(user, lockout.after(user, step)))
    transaction.save(events)
    return changes


def refused(user: User, refusal: lockout.Refusal) -> NewEvent:
    """Return the event of a refusal; `user` is the record after it."""
    if isinstance(refusal, NoPinPossible):
        return NewEvent(EventKind.REFUSED, user, outcome=refusal.state.value)
    return NewEvent(EventKind.REFUSED, user, outcome=refusal.rule.name.lower())
