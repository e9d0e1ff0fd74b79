"""`pincli init`: a store and its keys."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.operations.setup import initialise
from pincli.store.opening import sql_for_dba
from pincli.views.blocks import Answer
from pincli.views.upkeep import initialised


def init(
    invocation: Invocation,
    print_sql: Annotated[
        bool, typer.Option("--print-sql", help="Print the SQL for a DBA, and do nothing.")
    ] = False,
) -> Answer:
    """Make a new store and its keys; never over existing ones.

    Example:
      pincli init
      pincli --store /srv/pincli/db --keys /srv/pincli/keys init
      pincli --store postgresql://admin1@db.example.com/pincli init
      pincli init --print-sql | psql postgresql://postgres@db.example.com/pincli

    On a PostgreSQL server it makes schema, functions and group roles where its login may. Where
    it may not, a DBA runs what --print-sql prints, and init then makes the rest.
    """
    if print_sql:
        text = sql_for_dba()
        return Answer({"sql": text}, text=text)
    config = invocation.config
    initialise(config.store, config.keys, marks=config.marks, origin=invocation.origin)
    return initialised(config.store, config.keys)
