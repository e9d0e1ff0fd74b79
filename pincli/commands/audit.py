"""`pincli audit`: the trail of everything that happened."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.running import deliver, new_app, opened
from pincli.rules.names import canonical_user
from pincli.views.audit import listing

GROUP = True
app = new_app(group=True)


@app.callback()
def audit() -> None:
    """Read the audit trail."""


@app.command("list", epilog=example("pincli audit list --user alice --limit 20"))
def list_events(
    ctx: typer.Context,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Events about this user only.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List events, the newest first."""
    name = None if user is None else canonical_user(user)
    with opened(ctx) as session:
        pages = session.store.latest_events(user=name, limit=limit)
        deliver(ctx, listing(pages), as_json=as_json)
