"""`pincli backup`: the whole store in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.running import config_of, deliver, new_app, opened
from pincli.operations.backups import back_up
from pincli.views.exit_codes import ExitCode
from pincli.views.upkeep import backed_up

app = new_app()


@app.command(
    epilog=example('pincli backup "/var/backups/pincli-$(date +%F).db"')
    + "\n\nThe keys are not in it: keep a copy of them elsewhere. Agents wait for one file copy,"
    " about half a second at a million users. FILE's folder must be yours or root's alone.",
    exits=(ExitCode.REFUSED,),
)
def backup(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file to be; never over one.")],
    as_json: JsonOption = False,
) -> None:
    """Copy the store into a file, while agents verify."""
    with opened(ctx) as session:
        config = config_of(ctx)
        size = back_up(session, path, forbidden=(config.store, config.keys))
    deliver(ctx, backed_up(path, size), as_json=as_json)
