"""`pincli complete-names`: what the completion scripts ask for; no person types it."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Literal

import typer

from pincli.commands.options import JsonOption, example
from pincli.commands.running import command_of, config_of, deliver, new_app, origin_of
from pincli.operations.callers import names_beginning
from pincli.rules.roles import may_run
from pincli.store.opening import open_store
from pincli.views.blocks import Answer

app = new_app()


class Names(StrEnum):
    """Which names."""

    USERS = "users"
    ACCOUNTS = "accounts"


@app.command(hidden=True, epilog=example("pincli complete-names users al"))
def complete_names(
    ctx: typer.Context,
    names: Annotated[Names, typer.Argument(metavar="users|accounts", help="Which names.")],
    prefix: Annotated[
        str, typer.Argument(metavar="PREFIX", help="What they begin with.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Print up to 50 names that begin with a prefix. Silent whatever fails: it runs at a Tab."""
    try:
        found = _names(ctx, names, prefix)
    except Exception:  # whatever it is: a person is in the middle of typing something else
        found = []
    if as_json:
        deliver(ctx, Answer({"names": found}), as_json=True)
    else:
        sys.stdout.write("".join(f"{name}\n" for name in found))


def _names(ctx: typer.Context, names: Names, prefix: str) -> list[str]:
    """The names, without a session: it needs no key, and must not write, not even a refusal."""
    config = config_of(ctx)
    if config.roles is not None and not may_run(
        config.roles, command_of(ctx), about_one_user=False
    ):
        return []
    column: Literal["login", "account"] = "login" if names is Names.USERS else "account"
    store = open_store(config.store, origin=origin_of(ctx), read_only=True)
    try:
        return names_beginning(store, column, prefix)
    finally:
        store.close()
