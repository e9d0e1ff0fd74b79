"""What an attacker with the database file can do to it that SQL alone would not let them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from tests.support.desk import Desk


@contextmanager
def behind_the_index(desk: Desk, index: str) -> Iterator[None]:
    """Let tables be changed without an index hearing of it; it is as before afterwards."""
    (row,) = desk.sql("SELECT * FROM sqlite_master WHERE name = ?", index)
    schema(desk, "DELETE FROM sqlite_master WHERE name = ?", index)
    yield
    schema(desk, "INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", *row)


def schema(desk: Desk, statement: str, *parameters: Any) -> None:
    """Write into the schema itself; SQLite counts no change."""
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement, parameters)
