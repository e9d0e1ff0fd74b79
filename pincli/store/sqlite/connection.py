"""Opening the database: safely, durably, and only if pincli made it."""

from __future__ import annotations

import sqlite3
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pincli.errors import StoreBusy, StoreTampered, StoreUnavailable
from pincli.models import Fault, Identity, Start
from pincli.store.sqlite.errors import database_holder, from_os, translated

DATABASE = "pincli.db"
SCHEMA_VERSION = 2
"""The user_version that this program writes; migrations.py has one migration for each."""
APPLICATION_ID = 0x50494E43
FIRST_BYTES = b"SQLite format 3\0"
"""Of every SQLite database."""
OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""

BUSY_SECONDS = 10.0
_BUSY_SECONDS_READ_ONLY = 0.5
"""For completion: no answer is better than a late one."""

_IDENTITY = (
    "SELECT store_id, verify_key, audit_key, portal_key, start_number, start_link, start_seal "
    "FROM store"
)
_FTS5 = "SELECT fts5_source_id()"
_HEAD = "SELECT number, link, seal FROM trail ORDER BY number DESC LIMIT 1"


def too_old_sqlite() -> str | None:
    """The version of this Python's SQLite, if it is too old."""
    old = sqlite3.sqlite_version_info < OLDEST_SQLITE
    return sqlite3.sqlite_version if old else None


def connect(path: Path, *, create: bool = False, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, set up so that no commit is lost.

    DELETE, not WAL: SQLite up to 3.51.2 can lose committed WAL writes. EXTRA also syncs the
    folder once the journal is gone, without which a power cut could bring the journal back
    and undo a charge.

    Raises:
        StoreUnavailable: It is missing, may not be opened, or is not an SQLite database.
    """
    too_old = too_old_sqlite()
    if too_old is not None:
        raise StoreUnavailable(Fault.OLD_SQLITE, path, f"{too_old} is too old")
    if not create:
        try:
            facts = path.stat()
        except OSError as error:
            raise from_os(error, path) from None
        if not stat.S_ISREG(facts.st_mode):
            raise StoreUnavailable(Fault.NOT_A_STORE, path, "not a plain file")
    mode = "rwc" if create else "ro" if read_only else "rw"
    with translated(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS_READ_ONLY if read_only else BUSY_SECONDS,
            check_same_thread=False,
        )
    try:
        with translated(path):
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON").fetchall()
            connection.execute("PRAGMA synchronous = EXTRA")
            _require_fts5(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_fts5(connection: sqlite3.Connection, path: Path) -> None:
    try:
        connection.execute(_FTS5).fetchall()
    except sqlite3.OperationalError:
        raise StoreUnavailable(Fault.OLD_SQLITE, path, "it lacks FTS5") from None


def use_rollback_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Set journal_mode=DELETE, in a database that is known to be ours.

    Raises:
        StoreBusy: Another process set it to WAL and has it open.
    """
    with translated(path):
        if connection.execute("PRAGMA journal_mode = DELETE").fetchall() != [("delete",)]:
            raise StoreBusy(path, database_holder(path), "journal_mode")


def schema_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of a pincli store.

    Raises:
        StoreUnavailable: It is not a pincli store, or of a newer pincli.
    """
    with translated(path):
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    if application != APPLICATION_ID or version <= 0:
        raise StoreUnavailable(Fault.NOT_A_STORE, path)
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(Fault.NEWER, path, f"schema {version}, this knows {SCHEMA_VERSION}")
    return int(version)


def fetched(
    connection: sqlite3.Connection, query: str, parameters: Sequence[Any]
) -> list[Sequence[Any]]:
    """All rows of a query; text that is not UTF-8, which pincli never writes, as bytes.

    Otherwise one such text would make everybody's rows unreadable.
    """
    try:
        return connection.execute(query, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if hasattr(error, "sqlite_errorname"):  # SQLite's error, not Python's about a text
            raise
    connection.text_factory = _text_or_bytes
    try:
        return connection.execute(query, parameters).fetchall()
    finally:
        connection.text_factory = str


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def newest(connection: sqlite3.Connection, start: Start) -> Start:
    """The newest event's number, link and seal; if there is none, the start's."""
    found = connection.execute(_HEAD).fetchall()
    return Start(*found[0]) if found else start


def read_store(connection: sqlite3.Connection, path: Path) -> tuple[Identity, Start]:
    """What the store says of itself, and where its trail begins.

    Raises:
        StoreTampered: It has no row for that, or several.
    """
    found = connection.execute(_IDENTITY).fetchall()
    if len(found) != 1:
        raise StoreTampered(path, "the store's own row is missing")
    return Identity(*found[0][:4]), Start(*found[0][4:])


def utc_now() -> str:
    """The time by this host's clock, ISO 8601 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
