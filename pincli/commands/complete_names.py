"""`pincli complete-names`: what the completion scripts ask for; no person types it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import typer

from pincli.commands.invocation import Invocation
from pincli.operations.callers import names_beginning
from pincli.store.opening import open_store
from pincli.views.blocks import Answer


class Names(StrEnum):
    """Which names."""

    USERS = "users"
    ACCOUNTS = "accounts"


def complete_names(
    invocation: Invocation,
    names: Annotated[Names, typer.Argument(metavar="users|accounts", help="Which names.")],
    prefix: Annotated[
        str, typer.Argument(metavar="PREFIX", help="What they begin with.", show_default=False)
    ] = "",
) -> Answer:
    """Print up to 50 names that begin with a prefix. Silent whatever fails: it runs at a Tab.

    Example:
      pincli complete-names users al
    """
    try:
        found = _names(invocation, names, prefix)
    except Exception:  # whatever it is: a person is in the middle of typing something else
        found = []
    return Answer({"names": found}, text="".join(f"{name}\n" for name in found))


def _names(invocation: Invocation, names: Names, prefix: str) -> list[str]:
    """The names, without a session: it needs no key, and must not write, not even a refusal."""
    if not invocation.may_run(f"pincli {invocation.command}"):
        return []
    column: Literal["login", "account"] = "login" if names is Names.USERS else "account"
    config = invocation.config
    store = open_store(config.store, config.marks, origin=invocation.origin, read_only=True)
    try:
        return names_beginning(store, column, prefix)
    finally:
        store.close()
