"""`pincli store`: the store as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.commands.options import YesOption
from pincli.commands.prompts import confirm, require_terminal
from pincli.operations.moving import move as move_operation
from pincli.operations.moving import require_movable
from pincli.operations.session import Need
from pincli.operations.upgrade import mark_as_seen
from pincli.operations.upgrade import upgrade as operation
from pincli.store.location import Server, location_of
from pincli.store.opening import upgrade_server
from pincli.views.blocks import Answer
from pincli.views.progress import progress_bar
from pincli.views.upkeep import moved, server_upgraded, upgraded


def upgrade(invocation: Invocation) -> Answer:
    """Bring a store of an older pincli up to date.

    Example:
      pincli store upgrade

    The trail is checked first, and kept; PINs, counters and locks are kept too. It is done
    whole or not at all. Up to 20,000 users, any command that writes does it on its way.

    On a server it takes the login that owns the schema, and makes the database's functions
    those of this version, while agents verify.
    """
    config = invocation.config
    if isinstance(config.store, Server):
        changed = upgrade_server(config.store)
        users = invocation.open().store.people.totals()
        return server_upgraded(sum(users.values()), changed=changed)
    with progress_bar("upgrading", percent=True) as progress:
        done = operation(config.store, config.keys, origin=invocation.origin, progress=progress)
    session = invocation.open(Need.WRITE)
    mark_as_seen(session)
    if done is not None:
        session.store.locks_recorded += done.locked
    return upgraded(done, sum(session.store.people.totals().values()))


def move(
    invocation: Invocation,
    location: Annotated[
        str, typer.Argument(metavar="LOCATION", help="Where to: a postgresql:// address.")
    ],
    yes: YesOption = False,
) -> Answer:
    """Move the store from its folder to a PostgreSQL server.

    Example:
      pincli store move postgresql://admin1@db.example.com/pincli

    The database has what `pincli init --print-sql` prints, and no store yet; the login belongs
    to pincli_admin. Nobody's PIN, counter or lock changes. The trail is checked first; agents
    wait while rows are copied. From then on the old store refuses all work. If the move is cut
    short, the same command finishes it.
    """
    target = location_of(location)
    config = invocation.config
    server = require_movable(config.store, target)
    if not yes:
        require_terminal("nobody is there to confirm the move", "give --yes")
    session = invocation.open(Need.WRITE, Need.CHECK, even_closed=True)
    if not yes:
        confirm(f"Move the store at {config.store} to {server}, and close it here?")
    with progress_bar("moving", percent=True) as progress:
        return moved(move_operation(session, server, progress=progress))
