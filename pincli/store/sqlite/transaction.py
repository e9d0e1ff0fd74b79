"""A write transaction on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from pincli.errors import Refused, Rule
from pincli.models import Identity, Origin
from pincli.store.contract import Signer
from pincli.store.sql.rows import USER_COLUMNS, Row
from pincli.store.sql.transaction import SqlTransaction

_LOGIN = USER_COLUMNS[1:].index("user")


class SqliteTransaction(SqlTransaction):
    """An open BEGIN IMMEDIATE, under the writer lock: nobody else writes anything now."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        identity: Identity,
        signer: Signer,
        origin: Origin,
        at: str,
    ) -> None:
        super().__init__(identity=identity, signer=signer, origin=origin, at=at)
        self._connection = connection

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query."""
        return self._connection.execute(query, parameters).fetchall()

    def write(self, statement: str, rows: Sequence[Row]) -> None:
        """Run a statement once for each row of parameters."""
        self._connection.executemany(statement, rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Add users.

        Raises:
            Refused: One exists.
        """
        try:
            super().add(rows)
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
                raise
            raise Refused(Rule.USER_EXISTS, str(rows[0][_LOGIN])) from None


def read_identity(connection: sqlite3.Connection) -> Identity | None:
    """The store's one identity row, or None where init was cut short."""
    rows = connection.execute(
        "SELECT store_id, verify_key, audit_key, portal_key FROM store"
    ).fetchall()
    return Identity(*rows[0]) if rows else None
