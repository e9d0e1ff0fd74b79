"""`pincli lock`: an agent or an admin locks PINs by hand."""

from __future__ import annotations

from pincli.commands.invocation import Invocation
from pincli.commands.options import ReasonOption, SomeUsersArgument, WhereOption
from pincli.commands.prompts import ask_line, require_terminal
from pincli.operations.lock import lock as operation
from pincli.operations.people import require_users
from pincli.operations.session import Need
from pincli.rules.names import clean_reason
from pincli.views.blocks import Answer, counted
from pincli.views.pins import locked


def lock(
    invocation: Invocation,
    users: SomeUsersArgument,
    account: WhereOption = None,
    reason: ReasonOption = None,
) -> Answer:
    """Lock PINs by hand, where somebody smells a rat. Only unlocking releases them.

    Example:
      pincli lock alice --reason 'T-4711: the caller was guessing'
    """
    if reason is None:
        require_terminal(
            "locking needs a reason", "give it with --reason; it is recorded in the audit trail"
        )
    session = invocation.open(Need.ATTEMPT)
    found = require_users(session, users, account=account)
    if reason is None:
        whom = found[0].login if len(found) == 1 else counted(len(found), "user")
        reason = clean_reason(ask_line(f"Reason for locking {whom}: "))
    return locked(operation(session, found, reason))
