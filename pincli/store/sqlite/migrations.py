"""The migrations. A released one never changes; a later change is a new one.

They are SQL, as CHECK constraints and partial indexes need it. sqlite-utils runs them, and keeps
the list of those that were applied.
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

    Inside the caller's BEGIN IMMEDIATE, under the writer lock. The tables of schema 1 are called
    `old_…` afterwards, so that a program of version 1 that is still open fails.
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
