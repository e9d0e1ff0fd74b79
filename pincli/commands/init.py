"""`pincli init`: a store and its keys."""

from __future__ import annotations

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.running import config_of, deliver, new_app, origin_of
from pincli.operations.setup import initialise
from pincli.views.exit_codes import ExitCode
from pincli.views.setup import initialised

app = new_app()


@app.command(
    epilog=example("pincli init", "pincli --store /srv/pincli/db --keys /srv/pincli/keys init"),
    exits=(ExitCode.REFUSED,),
)
def init(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """Make a new store and its keys; never over existing ones."""
    config = config_of(ctx)
    initialise(config.store, config.keys, origin=origin_of(ctx))
    deliver(ctx, initialised(config.store, config.keys), as_json=as_json)
