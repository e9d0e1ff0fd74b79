"""`pincli unlock`: the portal's for its customer, or an admin's with a reason."""

from __future__ import annotations

import typer

from pincli.commands.options import JsonOption, ReasonOption, UserArgument, example
from pincli.commands.prompts import ask_line, require_terminal
from pincli.commands.running import deliver, new_app, opened
from pincli.operations import unlock as operation
from pincli.operations.session import Need
from pincli.rules.names import clean_reason
from pincli.views.exit_codes import ExitCode
from pincli.views.pins import unlocked

app = new_app()


@app.command(
    epilog=example("pincli unlock alice --reason 'customer unlocked in the portal'"),
    exits=(ExitCode.UNKNOWN, ExitCode.REFUSED),
)
def unlock(
    ctx: typer.Context,
    user: UserArgument,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a locked PIN; the PIN itself stays. Not for support over the phone."""
    if reason is None:
        require_terminal(
            "unlocking needs a reason", "give it with --reason; it stands in the audit trail"
        )
    with opened(ctx, Need.WRITE) as session:
        if reason is None:
            locked = operation.require_locked(session, user)
            reason = clean_reason(ask_line(f"Reason for unlocking {locked.login}: "))
        result = operation.unlock(session, user, reason)
    deliver(ctx, unlocked(result), as_json=as_json)
