"""`pincli reset`: withdraw PINs, so that their owners make new ones in the portal."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pincli.commands.options import JsonOption, ReasonOption, YesOption, example
from pincli.commands.prompts import confirm, require_terminal
from pincli.commands.running import deliver, new_app, opened, show
from pincli.errors import UsageProblem
from pincli.operations import reset as operation
from pincli.operations.session import Need
from pincli.rules.names import clean_reason
from pincli.views import reset as view

app = new_app()


@app.command(
    epilog=example(
        "pincli reset alice --reason 'PIN overheard'",
        "pincli reset alice bob --unlock --reason T-4711 --yes --json",
    )
    + "\n\nExit codes: 0 done, 2 nobody to confirm, 6 unknown user, 7 not confirmed.",
)
def reset(
    ctx: typer.Context,
    users: Annotated[
        list[str] | None,
        typer.Argument(metavar="USER...", help="The users' logins.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen.")] = False,
    yes: YesOption = False,
    reason: ReasonOption = None,
    unlock: Annotated[
        bool, typer.Option("--unlock", help="Release locked users too; needs --reason.")
    ] = False,
    issue: Annotated[
        bool, typer.Option("--issue", help="Make the new PINs now (where there is no portal).")
    ] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the new PINs; implies --issue.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Withdraw the PINs of users. A locked user stays locked, unless --unlock is given."""
    issue = issue or reveal
    if not users:
        raise UsageProblem("no user is named", "`pincli reset USER...` takes one or more")
    if unlock and reason is None:
        raise UsageProblem(
            "--unlock needs a reason", "give it with --reason; it stands in the audit trail"
        )
    reason = None if reason is None else clean_reason(reason)
    if reveal and not as_json and not sys.stdout.isatty():
        raise UsageProblem("--reveal shows PINs on a terminal only", "for a program, add --json")
    if not yes and not dry_run:
        require_terminal("nobody is there to confirm the reset", "give --yes, or --dry-run to look")
    needs = [Need.WRITE, Need.SET_PIN] if issue else [Need.WRITE]
    with opened(ctx, *needs) as session:
        planned = operation.plan(session, users)
        if dry_run:
            answer = view.dry_run(planned, unlock=unlock, issue=issue)
        else:
            if not yes:
                show(view.preview(planned, unlock=unlock, issue=issue), sys.stderr)
                confirm("Go on?")
            results = operation.reset(session, planned, unlock=unlock, issue=issue, reason=reason)
            answer = view.receipt(results, reveal=reveal)
    deliver(ctx, answer, as_json=as_json)
