"""The tables, as migrations. Each stays as it is once released; a change is a new one.

They are SQL, because CHECK constraints and partial indexes need it, run by sqlite-utils,
which keeps the list of what has been applied.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from pincli.models import PinOrigin, UserType
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.store.connection import APPLICATION_ID

migrations = Migrations("pincli")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date.

    Inside the caller's BEGIN IMMEDIATE, under the writer lock: what is pending is listed
    and applied in one transaction, and of six first starters five find nothing to do.
    """
    migrations.apply(Database(connection, execute_plugins=False))


def _quoted(words: type[UserType] | type[PinOrigin]) -> str:
    return ", ".join(f"'{word.value}'" for word in words)


@migrations()
def version_1(db: Database) -> None:
    """The store's identity, its users and its audit trail."""
    for statement in (
        f"PRAGMA application_id = {APPLICATION_ID}",
        "PRAGMA user_version = 1",
        """
        CREATE TABLE store (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            store_id TEXT NOT NULL,
            created_at TEXT NOT NULL,
            verify_key TEXT NOT NULL,
            audit_key TEXT NOT NULL,
            portal_key TEXT NOT NULL
        ) STRICT
        """,
        f"""
        CREATE TABLE users (
            id INTEGER PRIMARY KEY,
            user TEXT NOT NULL UNIQUE,
            account TEXT NOT NULL,
            name TEXT NOT NULL,
            type TEXT NOT NULL CHECK (type IN ({_quoted(UserType)})),
            active INTEGER NOT NULL CHECK (active IN (0, 1)),
            added_at TEXT NOT NULL,
            verifier TEXT,
            verify_key TEXT,
            sealed BLOB,
            portal_key TEXT,
            pin_set_at TEXT,
            pin_set_by TEXT CHECK (pin_set_by IN ({_quoted(PinOrigin)})),
            pin_version INTEGER NOT NULL DEFAULT 0 CHECK (pin_version >= 0),
            failed_attempts INTEGER NOT NULL DEFAULT 0
                CHECK (failed_attempts BETWEEN 0 AND {ATTEMPTS_ALLOWED}),
            open_attempt INTEGER,
            locked_since TEXT,
            last_locked_at TEXT,
            last_attempt_at TEXT,
            last_attempt_by TEXT,
            last_verified_at TEXT,
            last_verified_by TEXT,
            locks_total INTEGER NOT NULL DEFAULT 0 CHECK (locks_total >= 0),
            attempts_total INTEGER NOT NULL DEFAULT 0 CHECK (attempts_total >= 0),
            CHECK ((verifier IS NULL) = (verify_key IS NULL)),
            CHECK ((verifier IS NULL) = (sealed IS NULL)),
            CHECK ((verifier IS NULL) = (portal_key IS NULL)),
            CHECK ((verifier IS NULL) = (pin_set_at IS NULL)),
            CHECK ((verifier IS NULL) = (pin_set_by IS NULL)),
            CHECK (locked_since IS NULL OR failed_attempts = {ATTEMPTS_ALLOWED})
        ) STRICT
        """,
        "CREATE INDEX users_by_account ON users (account, user)",
        # No column of it changes while a PIN is verified, so the verify path never pays for it.
        "CREATE INDEX users_by_state ON users (active, type, (verifier IS NULL), user)",
        f"""
        CREATE INDEX users_locked ON users (active, type, (verifier IS NULL), user)
            WHERE failed_attempts = {ATTEMPTS_ALLOWED}
        """,
        f"""
        CREATE INDEX users_by_lock_time ON users (locked_since)
            WHERE failed_attempts = {ATTEMPTS_ALLOWED}
        """,
        # No foreign key to users: an attempt at an unknown name is an event too.
        """
        CREATE TABLE events (
            seq INTEGER PRIMARY KEY CHECK (seq > 0),
            at TEXT NOT NULL,
            agent TEXT NOT NULL,
            command TEXT NOT NULL,
            kind TEXT NOT NULL,
            user TEXT,
            account TEXT,
            attempt INTEGER,
            outcome TEXT,
            attempts_used INTEGER,
            pin_version INTEGER,
            reason TEXT,
            ticket TEXT,
            mac TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX events_by_user ON events (user, seq) WHERE user IS NOT NULL",
        "CREATE INDEX events_by_time ON events (at, seq)",
        # What alerts look at; a verified caller writes none of these.
        """
        CREATE INDEX events_of_alarm ON events (kind, at)
            WHERE kind IN ('incorrect', 'abandoned', 'locked', 'unlocked', 'refused')
        """,
        # Empty: once told who had a PIN from an unfinished file; released migrations stay.
        """
        CREATE TABLE issued (
            batch TEXT NOT NULL,
            user_id INTEGER NOT NULL REFERENCES users (id),
            PRIMARY KEY (batch, user_id)
        ) STRICT, WITHOUT ROWID
        """,
    ):
        db.execute(statement)
