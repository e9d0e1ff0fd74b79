"""Beginning and ending calls."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pincli.models import User
from pincli.rules import calls, lockout
from pincli.store.steps.records import change_user, change_users, current

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def begin(transaction: Transaction, asked: User, *, ref: str | None) -> User:
    """Begin a call. Return the record afterwards."""
    user = current(transaction, asked)
    change = partial(calls.begun, agent=transaction.origin.agent, ref=ref, at=transaction.at)
    (begun,) = change_users(transaction, [user], change, withdraws=False)
    return begun.after


def end(
    transaction: Transaction, asked: User, *, any_agents: bool
) -> tuple[User, bool] | lockout.Refusal:
    """End a call. Return the record afterwards and whether there was a call, or the refusal."""
    user = current(transaction, asked)
    agent, at = transaction.origin.agent, transaction.at
    change = partial(calls.ended, agent=agent, any_agents=any_agents, at=at)
    after = change_user(transaction, user, change, withdraws=False)
    if isinstance(after, User):
        return after, after.call_since is None and user.call_since is not None
    return after
