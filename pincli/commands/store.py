"""The store as a whole: `pincli init`, `doctor`, `store upgrade` and `store move`."""

from __future__ import annotations

from typing import Annotated

from pincli.commands.invocation import Invocation
from pincli.commands.options import YesOption, argument, option
from pincli.commands.prompts import confirm, require_confirmable
from pincli.operations import moving
from pincli.operations import upgrade as upgrading
from pincli.operations.doctor.deployment import deployment_checks
from pincli.operations.doctor.examination import examine
from pincli.operations.session import Need
from pincli.operations.setup import initialise
from pincli.rules.roles import DEPLOYMENT
from pincli.store.location import Server, location_of
from pincli.store.opening import sql_for_dba, upgrade_server
from pincli.views import upkeep as view
from pincli.views.answer import Answer
from pincli.views.progress import progress_bar


def init(
    invocation: Invocation,
    print_sql: Annotated[
        bool, option("--print-sql", "Print the SQL for a DBA, and do nothing.")
    ] = False,
) -> Answer:
    """Make a new store and its keys; never over existing ones.

    Example:
      pincli init
      pincli --store /srv/pincli/db --keys /srv/pincli/keys init
      pincli --store postgresql://admin1@db.example.com/pincli init
      pincli init --print-sql | psql postgresql://postgres@db.example.com/pincli

    On a PostgreSQL server it makes schema, functions and group roles if its login may. If not,
    a DBA first runs what --print-sql prints, and init makes the rest.
    """
    if print_sql:
        text = sql_for_dba()
        return Answer({"sql": text}, text=text)
    config = invocation.config
    initialise(config.store, config.keys, marks=config.marks, origin=invocation.origin)
    return view.initialised(config.store, config.keys)


def doctor(invocation: Invocation) -> Answer:
    """Check whether all is well, and say what to do.

    Integrity, permissions, keys, free space and clock.

    On a PostgreSQL server also its version and settings, the connection, this host's login, and
    whether tables, functions and rights are those of this version. What this login can't see is
    listed as not checked.

    Example:
      pincli doctor
    """
    config = invocation.config
    checks = [
        *examine(config.store, config.keys, marks=config.marks, origin=invocation.origin),
        *deployment_checks(DEPLOYMENT, config.store, config.keys, marks=config.mark),
    ]
    return view.examined(checks)


def upgrade(invocation: Invocation) -> Answer:
    """Bring a store of an older pincli up to date.

    Example:
      pincli store upgrade

    The trail is checked first. PINs, counters, locks and trail are kept. It is done whole or
    not at all. With up to 20,000 users, any command that writes upgrades the store first.

    On a server it needs the login that owns the schema, and replaces the database's functions
    with those of this version. Agents go on verifying.
    """
    config = invocation.config
    if isinstance(config.store, Server):
        changed = upgrade_server(config.store)
        users = invocation.open().store.people.totals()
        return view.server_upgraded(sum(users.values()), changed=changed)
    with progress_bar("upgrading", percent=True) as progress:
        done = upgrading.upgrade(
            config.store, config.keys, origin=invocation.origin, progress=progress
        )
    session = invocation.open(Need.WRITE)
    upgrading.mark_as_seen(session)
    return view.upgraded(done, sum(session.store.people.totals().values()))


def move(
    invocation: Invocation,
    location: Annotated[str, argument("LOCATION", "Where to: a postgresql:// address.")],
    yes: YesOption = False,
) -> Answer:
    """Move the store from its folder to a PostgreSQL server.

    Example:
      pincli store move postgresql://admin1@db.example.com/pincli

    The database needs what `pincli init --print-sql` prints and no store; the login must belong
    to pincli_admin. No PIN, counter or lock changes. The trail is checked first; agents wait
    while rows are copied. Afterwards the old store refuses all work. After an interruption, run
    the same command to finish.
    """
    target = location_of(location)
    config = invocation.config
    server = moving.require_movable(config.store, target)
    require_confirmable(yes=yes)
    session = invocation.open(Need.WRITE, Need.CHECK, even_closed=True)
    if not yes:
        confirm(f"Move the store at {config.store} to {server}, and close it here?")
    with progress_bar("moving", percent=True) as progress:
        return view.moved(moving.move(session, server, progress=progress))
