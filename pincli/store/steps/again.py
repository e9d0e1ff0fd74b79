"""Reading a user again inside a transaction, and taking a change of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pincli.errors import NoPinPossible
from pincli.models import EventKind, NewEvent, User
from pincli.rules import lockout

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def read_all_again(
    transaction: Transaction,
    rows: Sequence[int],
    uids: Mapping[int, bytes],
    tampered: list[str] | None,
) -> list[User]:
    """The records in some rows, as `Transaction.users` gives them.

    Args:
        transaction: The transaction to read in.
        rows: Their numbers.
        uids: Whose rows those were; whoever is in the others is meant.
        tampered: Gets the logins of records that were tampered with, which are left out.

    Raises:
        StoreUnavailable: An older store was brought back: somebody else has one of the rows.
    """
    users = transaction.users(rows, tampered)
    if any(uids.get(user.id, user.uid) != user.uid for user in users):
        raise transaction.replaced()
    return users


def read_again(transaction: Transaction, asked: User) -> User:
    """The record as it is now, of the same person.

    Raises:
        StoreUnavailable: An older store was brought back: somebody else has the row, or nobody.
    """
    for user in transaction.users([asked.id]):
        if user.uid == asked.uid:
            return user
    raise transaction.replaced()


def taken(
    transaction: Transaction, user: User, taking: lockout.Change, *, withdraws: bool
) -> User | lockout.Refusal:
    """Take a change of one user. A refusal is recorded with the record that it is about."""
    step, refusal = lockout.ended_first(user, taking, withdraws=withdraws, at=transaction.at)
    if refusal is not None:
        step = (*step, refused(lockout.after(user, step), refusal))
    transaction.save(step)
    return refusal or lockout.after(user, step)


def refused(user: User, refusal: lockout.Refusal) -> NewEvent:
    """The event of a refusal, about a record as it is after it."""
    if isinstance(refusal, NoPinPossible):
        return NewEvent(EventKind.REFUSED, user, outcome=refusal.state.value)
    return NewEvent(EventKind.REFUSED, user, outcome=refusal.rule.name.lower())
