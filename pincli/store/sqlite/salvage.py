"""What can be read of a store that was changed so that pincli can't take its rows as they are.

Its encoding may be another, its indexes damaged, a CHECK broken, a text no text. Only rows are
read, and the seal of a row that has to be mended shows that it was tampered with.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pincli.models import UserType
from pincli.rules import lockout
from pincli.rules.states import ATTEMPTS_ALLOWED
from pincli.store.sqlite.connection import connect, utc_now

_TEXTS = ("account", "login", "display_name", "added_at")
_NUMBERS = ("pin_version", "locks_total", "attempts_total", "event")
_LARGEST = 2**53


def is_legible(connection: sqlite3.Connection) -> bool:
    """Whether every text in the rows of people is UTF-8, which SQLite itself does not look at."""
    try:
        for _ in connection.execute("SELECT * FROM people NOT INDEXED"):
            pass
    except sqlite3.OperationalError:
        return False
    return True


def copy_tables(source: Path, target: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Copy the rows of a database into our own tables; people's are mended where need be.

    Raises:
        sqlite3.Error: Other rows are not such as pincli writes.
    """
    with closing(connect(source, read_only=True)) as connection:
        for table in tables:
            names = [row[1] for row in target.execute(f"PRAGMA main.table_info({table})")]
            columns, marks = ", ".join(names), ", ".join("?" * len(names))
            insert = f"INSERT INTO main.{table} ({columns}) VALUES ({marks})"
            if table == "people":
                # Text that is not UTF-8 becomes other text, and its record unsound.
                connection.text_factory = lambda raw: raw.decode(errors="replace")
            rows = connection.execute(f"SELECT {columns} FROM {table} NOT INDEXED")
            if table != "people":
                target.executemany(insert, rows)
                continue
            left = [row for row in rows if not _taken(target, insert, row)]
            # Once all others have their row numbers. Who still has no place is unknown: the
            # trail tells if somebody is gone.
            for row in left:
                mended = _mended(target, dict(zip(names, row, strict=True)))
                _taken(target, insert, [*mended.values()])
            connection.text_factory = str


def _taken(target: sqlite3.Connection, insert: str, row: Sequence[Any]) -> bool:
    """Whether our own table takes a row."""
    try:
        target.execute(insert, row)
    except (sqlite3.IntegrityError, OverflowError):
        return False
    return True


def _mended(target: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """A row that our tables take: who it is, how strict its counter was, and nothing of a PIN."""
    mended = dict.fromkeys(row)
    mended |= {name: row[name] for name in ("id", "uid", "type")}
    mended |= {name: str(row[name] or "") for name in _TEXTS}
    mended |= {name: _number(row[name]) for name in _NUMBERS}
    if not 0 < _number(row["id"]) < _LARGEST:
        ((mended["id"],),) = target.execute("SELECT coalesce(max(id), 0) + 1 FROM main.people")
    if mended["type"] not in [kind.value for kind in UserType]:
        mended["type"] = UserType.CLOUD.value
    mended["active"] = int(row["active"] == 1)
    mended["failed_attempts"] = lockout.bounded(_number(row["failed_attempts"]))
    if mended["failed_attempts"] == ATTEMPTS_ALLOWED:
        mended["locked_since"] = mended["last_locked_at"] = utc_now()
    return {**mended, "seal": b""}


def _number(value: object) -> int:
    return min(max(value, 0), _LARGEST) if isinstance(value, int) else 0
