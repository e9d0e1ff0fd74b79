"""What an attacker with the database file can do beyond plain SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from tests.support.desk import Desk


@contextmanager
def behind_the_index(desk: Desk, index: str) -> Iterator[None]:
    """Change tables inside without updating an index."""
    (row,) = desk.sql("SELECT * FROM sqlite_master WHERE name = ?", index)
    schema(desk, "DELETE FROM sqlite_master WHERE name = ?", index)
    yield
    schema(desk, "INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", *row)


def schema(desk: Desk, statement: str, *parameters: Any) -> None:
    """Write into the schema itself, without a change of SQLite's counter."""
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement, parameters)
