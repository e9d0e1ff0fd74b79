"""Beginning and ending calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pincli.models import User
from pincli.rules import calls, lockout
from pincli.store.steps.again import read_again, taken

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def begin(transaction: Transaction, asked: User, *, ref: str | None) -> User:
    """Begin a call; the record afterwards."""
    user = read_again(transaction, asked)
    agent, at = transaction.origin.agent, transaction.at
    beginning = partial(calls.begun, agent=agent, ref=ref, at=at)
    step, _ = lockout.ended_first(user, beginning, withdraws=False, at=at)
    transaction.save(step)
    return lockout.after(user, step)


def end(
    transaction: Transaction, asked: User, *, anybodys: bool
) -> tuple[User, bool] | lockout.Refusal:
    """End a call.

    Returns:
        The record afterwards, and whether there was a call; or the refusal, recorded, for the
        caller to raise.
    """
    user = read_again(transaction, asked)
    agent, at = transaction.origin.agent, transaction.at
    ending = partial(calls.ended, agent=agent, anybodys=anybodys, at=at)
    result = taken(transaction, user, ending, withdraws=False)
    if isinstance(result, User):
        return result, result.call_since is None and user.call_since is not None
    return result
