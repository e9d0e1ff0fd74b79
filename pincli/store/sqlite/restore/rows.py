"""Copying the rows of a database into tables of our own, never its pages.

Where something else changed a store, its encoding may be another, its indexes damaged, a CHECK
broken or a text not UTF-8. Then rows are read one by one, and repaired where our tables refuse
them. The seal of a repaired row is wrong, so it shows that the row was tampered with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pincli.models import UserType
from pincli.rules import lockout
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.store.sqlite.connection import connect, utc_now
from pincli.store.sqlite.copies import write_without_syncs
from pincli.store.sqlite.errors import translated
from pincli.store.sqlite.people import index_people

_HAS_OLD_EVENTS = "SELECT 1 FROM sqlite_master WHERE name = 'old_events'"
_TABLES = ("store", "people", "trail", "texts", "notices")
_TEXTS = ("account", "login", "display_name", "added_at")
_NUMBERS = ("pin_version", "locks_total", "attempts_total", "event")
_LARGEST = 2**53


def is_legible(connection: sqlite3.Connection) -> bool:
    """Whether every text in the rows of people is UTF-8, which SQLite itself does not check."""
    try:
        for _ in connection.execute("SELECT * FROM people NOT INDEXED"):
            pass
    except sqlite3.OperationalError:
        return False
    return True


def copy_rows(source: Path, path: Path, *, repair: bool = False) -> None:
    """Make a new database by our own migrations, with the rows of another, which is only read.

    Args:
        source: The database that has the rows.
        path: The new one.
        repair: Repair the rows of users that our tables refuse.

    Raises:
        StoreUnavailable: pincli can't have written these rows, or they can't be written.
    """
    from pincli.store.sqlite.migrations import migrate

    with translated(path), closing(connect(path, create=True)) as connection:
        write_without_syncs(connection)
        with closing(connect(source, read_only=True)) as other:
            has_old = other.execute(_HAS_OLD_EVENTS).fetchall()
        tables = (*_TABLES, "old_events") if has_old else _TABLES
        if not repair:
            connection.execute("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
        connection.execute("BEGIN IMMEDIATE")
        migrate(connection)
        for table in ("old_users", "old_store", "old_events"):
            if table not in tables:
                connection.execute(f"DROP TABLE {table}")
        if repair:
            _repair_tables(source, connection, tables)
        else:
            for table in tables:
                columns = ", ".join(_columns(connection, table))
                connection.execute(
                    f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}"
                )
        index_people(connection)
        # A trail that was cut short leaves these behind; they must not join later events.
        for table in ("texts", "notices"):
            connection.execute(
                f"DELETE FROM {table} WHERE number > (SELECT max(number) FROM trail)"
            )
        connection.execute("COMMIT")


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})")]


def _repair_tables(source: Path, target: sqlite3.Connection, tables: Sequence[str]) -> None:
    with closing(connect(source, read_only=True)) as connection:
        for table in tables:
            names = _columns(target, table)
            columns, marks = ", ".join(names), ", ".join("?" * len(names))
            insert = f"INSERT INTO main.{table} ({columns}) VALUES ({marks})"
            if table == "people":
                # Text that is not UTF-8 becomes other text, and its record unsound.
                connection.text_factory = lambda raw: raw.decode(errors="replace")
            rows = connection.execute(f"SELECT {columns} FROM {table} NOT INDEXED")
            if table != "people":
                target.executemany(insert, rows)
                continue
            refused = [row for row in rows if not _inserted(target, insert, row)]
            # Once all others have their row numbers. A row that still has no place is dropped:
            # the trail shows that its user is gone.
            for row in refused:
                repaired = _repaired(target, dict(zip(names, row, strict=True)))
                _inserted(target, insert, [*repaired.values()])
            connection.text_factory = str


def _inserted(target: sqlite3.Connection, insert: str, row: Sequence[Any]) -> bool:
    """Insert a row; False if our table refuses it."""
    try:
        target.execute(insert, row)
    except (sqlite3.IntegrityError, OverflowError):
        return False
    return True


def _repaired(target: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """A row that our table takes: who it is, how strict its counter was, and nothing of a PIN."""
    repaired = dict.fromkeys(row)
    repaired |= {name: row[name] for name in ("id", "uid", "type")}
    repaired |= {name: str(row[name] or "") for name in _TEXTS}
    repaired |= {name: _number(row[name]) for name in _NUMBERS}
    if not 0 < _number(row["id"]) < _LARGEST:
        ((repaired["id"],),) = target.execute("SELECT coalesce(max(id), 0) + 1 FROM main.people")
    if repaired["type"] not in [kind.value for kind in UserType]:
        repaired["type"] = UserType.CLOUD.value
    repaired["active"] = int(row["active"] == 1)
    repaired["failed_attempts"] = lockout.bounded(_number(row["failed_attempts"]))
    if repaired["failed_attempts"] == ATTEMPTS_ALLOWED:
        repaired["locked_since"] = repaired["last_locked_at"] = utc_now()
    return {**repaired, "seal": b""}


def _number(value: object) -> int:
    return min(max(value, 0), _LARGEST) if isinstance(value, int) else 0
