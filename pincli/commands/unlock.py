"""`pincli unlock`: the portal's for its customer, or an admin's with a reason."""

from __future__ import annotations

from pincli.commands.invocation import Invocation
from pincli.commands.options import ReasonOption, UserArgument, WhereOption
from pincli.commands.prompts import ask_line, require_terminal
from pincli.operations import unlock as operation
from pincli.operations.session import Need
from pincli.rules.names import clean_reason
from pincli.views.blocks import Answer
from pincli.views.pins import unlocked


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
    if reason is None:
        require_terminal(
            "unlocking needs a reason", "give it with --reason; it is recorded in the audit trail"
        )
    session = invocation.open(Need.WRITE)
    if reason is None:
        locked = operation.require_locked(session, user, account=account)
        reason = clean_reason(ask_line(f"Reason for unlocking {locked.login}: "))
    return unlocked(operation.unlock(session, user, reason, account=account))
