"""`pincli store`: the store as a whole."""

from __future__ import annotations

from pincli.commands.invocation import Invocation
from pincli.operations.session import Need
from pincli.operations.upgrade import mark_as_seen
from pincli.operations.upgrade import upgrade as operation
from pincli.store.location import Server
from pincli.store.opening import upgrade_server
from pincli.views.blocks import Answer
from pincli.views.progress import progress_bar
from pincli.views.upkeep import server_upgraded, upgraded


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
