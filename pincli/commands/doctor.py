"""`pincli doctor`: is everything as it should be?"""

from __future__ import annotations

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.running import config_of, deliver, new_app, origin_of, require_role
from pincli.deployment import PATH
from pincli.operations.doctor import deployment_checks, examine
from pincli.views.exit_codes import ExitCode
from pincli.views.upkeep import examined

app = new_app()


@app.command(epilog=example("pincli doctor"), exits=(ExitCode.REFUSED,))
def doctor(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Check whether all is well, and say what to do.

    Integrity, permissions, keys, free space and clock.
    """
    require_role(ctx)
    config = config_of(ctx)
    checks = [
        *examine(config.store, config.keys, origin=origin_of(ctx)),
        *deployment_checks(PATH, config.store),
    ]
    deliver(ctx, examined(checks), as_json=as_json)
