"""The migrations. Each stays as it is once released; a change is a new one.

They are SQL, because CHECK constraints and partial indexes need it, run by sqlite-utils,
which keeps the list of what has been applied.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from pincli.store.sqlite.connection import APPLICATION_ID
from pincli.store.sqlite.tables import SCHEMA_1, SCHEMA_2

migrations = Migrations("pincli")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date.

    Inside the caller's BEGIN IMMEDIATE, under the writer lock: what is pending is listed
    and applied in one transaction. What schema 1 held is in `old_…` tables afterwards: a
    program of version 1 that is still open fails, as its tables are gone.
    """
    migrations.apply(Database(connection, execute_plugins=False))


@migrations()
def version_1(db: Database) -> None:
    """The store's identity, its users and its audit trail."""
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA user_version = 1")
    for statement in SCHEMA_1:
        db.execute(statement)


@migrations()
def version_2(db: Database) -> None:
    """Users by account and login; records tied to a trail of links and seals."""
    db.execute("PRAGMA user_version = 2")
    db.execute("DROP TABLE issued")
    for table in ("store", "users", "events"):
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in SCHEMA_2:
        db.execute(statement)
