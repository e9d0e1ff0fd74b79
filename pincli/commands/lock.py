"""`pincli lock` and `pincli unlock`: locks by hand, and the release of a lock."""

from __future__ import annotations

from pincli.commands.invocation import Invocation
from pincli.commands.options import ReasonOption, SomeUsersArgument, UserArgument, WhereOption
from pincli.commands.prompts import ask_reason, require_reason
from pincli.operations import locks
from pincli.operations.locks import lock as lock_all
from pincli.operations.people import require_users
from pincli.operations.session import Need
from pincli.views.answer import Answer
from pincli.views.blocks import counted
from pincli.views.pins import locked, unlocked


def lock(
    invocation: Invocation,
    users: SomeUsersArgument,
    account: WhereOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Lock PINs by hand, after a suspicious call. Only unlocking releases them.

    Example:
      pincli lock alice --reason 'T-4711: the caller was guessing'
    """
    require_reason(reason, "locking")
    session = invocation.open(Need.ATTEMPT)
    found = require_users(session, users, account=account)
    whom = found[0].login if len(found) == 1 else counted(len(found), "user")
    return locked(lock_all(session, found, reason or ask_reason(f"locking {whom}")))


def unlock(
    invocation: Invocation,
    user: UserArgument,
    account: WhereOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Release a locked PIN; the PIN itself stays. Not for support over the phone.

    Example:
      pincli unlock alice --reason 'customer unlocked in the portal'
    """
    require_reason(reason, "unlocking")
    session = invocation.open(Need.WRITE)
    if reason is None:
        found = locks.require_locked(session, user, account=account)
        reason = ask_reason(f"unlocking {found.login}")
    return unlocked(locks.unlock(session, user, reason, account=account))
