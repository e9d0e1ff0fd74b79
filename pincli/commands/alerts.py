"""`pincli alerts`: signs of an attack, and the command against each."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.running import deliver, new_app, opened
from pincli.operations.alerts import find_alerts
from pincli.views.alerts import found
from pincli.views.exit_codes import ExitCode

app = new_app()


@app.command(
    epilog=example("pincli alerts", "pincli alerts --exit-code --json"),
    exits=(ExitCode.LOCKED, ExitCode.REFUSED),
)
def alerts(
    ctx: typer.Context,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 4 if there are any.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show signs of an attack. On users, on accounts, and from a desk."""
    with opened(ctx) as session:
        result = find_alerts(session)
    deliver(ctx, found(result, exit_code=exit_code), as_json=as_json)
