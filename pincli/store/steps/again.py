"""Reading somebody again in a transaction, who was read before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pincli.models import User

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
