"""`pincli restore`: a backup brought back, without undoing security that came after it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.options import JsonOption, YesOption, example
from pincli.commands.prompts import confirm, require_terminal
from pincli.commands.running import config_of, deliver, new_app, origin_of, require_role
from pincli.operations.backups import require_nameable
from pincli.operations.backups import restore as operation
from pincli.operations.places import require_elsewhere
from pincli.views.exit_codes import ExitCode
from pincli.views.upkeep import restored

app = new_app()


@app.command(
    epilog=example("pincli restore /var/backups/pincli-2026-11-24.db")
    + "\n\nIf anything happened since the backup, every PIN is withdrawn. Each user keeps the"
    " stricter of both counters, locks and deactivations; the trail is the backup's.",
    exits=(ExitCode.REFUSED,),
)
def restore(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back; the replaced store is kept aside."""
    if not yes:
        require_terminal("nobody is there to confirm the restore", "give --yes")
    require_role(ctx)
    config = config_of(ctx)
    require_nameable(path)
    require_elsewhere(path, (config.keys,))
    if not yes:
        confirm(f"Restore {path} over the store in {config.store}?")
    result = operation(path, config.store, config.keys, origin=origin_of(ctx))
    deliver(ctx, restored(result), as_json=as_json)
