"""Reading somebody again in a transaction, who was read before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pincli.models import User

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def read_again(transaction: Transaction, asked: User) -> User:
    """The record as it is now, of the same person.

    Raises:
        StoreUnavailable: An older store was brought back: somebody else has the row, or nobody.
    """
    for user in transaction.users([asked.id]):
        if user.uid == asked.uid:
            return user
    raise transaction.replaced()
