"""Upgrading a server's schema. The functions are replaced whole, not migrated."""

from __future__ import annotations

from contextlib import closing

from pincli.errors import StoreUnavailable
from pincli.models import Fault
from pincli.store.location import Server
from pincli.store.postgresql.connection import connect
from pincli.store.postgresql.errors import Retry, translated
from pincli.store.postgresql.functions import functions
from pincli.store.postgresql.roles import OWNER, grants
from pincli.store.postgresql.tables import SCHEMA

MIGRATIONS: dict[int, tuple[str, ...]] = {}
"""The statements from each schema version to the next. The first version is 2: none yet."""

_LOCK_TIMEOUT = "8s"
_VERSION = (
    "SELECT schema, to_regclass('pincli.old_events') IS NOT NULL FROM pincli.store FOR UPDATE"
)


def upgrade(server: Server) -> bool:
    """Upgrade schema, functions and grants in one transaction. Return whether it was older.

    Raises:
        StoreUnavailable: The schema is newer than this program or missing, or the login may not
            act as the owner.
    """
    try:
        return _upgraded(server)
    except Retry as error:
        raise StoreUnavailable(error.fault, server, error.detail) from None


def _upgraded(server: Server) -> bool:
    with translated(server), closing(connect(server)) as connection:
        connection.execute("BEGIN")
        connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'".encode())
        connection.execute(f"SET LOCAL ROLE {OWNER}".encode())
        # Charges wait for this row, so none runs between two versions of a function.
        (found,) = connection.execute(_VERSION).fetchall()
        version, old_events = int(found[0]), bool(found[1])
        if version > SCHEMA:
            raise StoreUnavailable(Fault.NEWER, server, f"schema {version}")
        migrations = [MIGRATIONS[each] for each in range(version, SCHEMA)]
        for statements in (*migrations, functions(), grants(old_events=old_events)):
            for statement in statements:
                connection.execute(statement.encode())
        connection.execute("UPDATE pincli.store SET schema = %s", (SCHEMA,))
        connection.execute("COMMIT")
    return version < SCHEMA
