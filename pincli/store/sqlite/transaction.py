"""A write transaction on SQLite, and its checks before the first write."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pincli.errors import StoreTampered, StoreUnavailable
from pincli.models import Fault, Head, Origin
from pincli.store.sealing import Sealers
from pincli.store.sql.rows import Row, placeholders
from pincli.store.sql.transaction import SqlTransaction
from pincli.store.sqlite.connection import fetched, newest, read_store, utc_now
from pincli.store.sqlite.people import write_words


class SqliteTransaction(SqlTransaction):
    """An open BEGIN IMMEDIATE under the writer lock: nobody else writes now."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        sealers: Sealers,
        origin: Origin,
    ) -> None:
        """Check the end of the trail, on a connection that is in a transaction.

        Every writer here has the key, so pincli did not write a newest event without a seal.

        Raises:
            StoreTampered: The newest event has no seal, or a wrong one.
            KeyChanged: The audit key was rotated, and the new one isn't here.
        """
        identity, start = read_store(connection, path)
        sealers.of(identity.audit_key)
        number, link, seal = newest(connection, start)
        store_id = identity.store_id
        if not sealers.accept(seal, lambda by: by.seal_trail(store_id, number, link)):
            raise StoreTampered(path, f"event {number}, the newest, has a wrong seal")
        super().__init__(
            identity=identity,
            sealers=sealers,
            origin=origin,
            at=utc_now(),
        )
        self._head = Head(number, link)
        self._connection = connection
        self._path = path

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query."""
        return fetched(self._connection, query, parameters)

    def run(self, statement: str, parameters: Sequence[Any]) -> None:
        """Run a statement that gives no rows."""
        self._connection.execute(statement, parameters)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows, one or thousands."""
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({placeholders(columns)})"
        self._connection.executemany(statement, rows)

    def update(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Write these columns of users; each row ends with the number of the user's."""
        setting = ", ".join(f"{name} = ?" for name in columns)
        self._connection.executemany(f"UPDATE people SET {setting} WHERE id = ?", rows)

    def index(self, rows: Sequence[tuple[int, str]]) -> None:
        """Index users: the row number of each, and the words with blanks between them."""
        write_words(self._connection, rows)
        if not all(words for _, words in rows):
            # A user is erased, and FTS5 keeps old words in its blocks until it rewrites them.
            self._connection.execute("INSERT INTO words (words) VALUES ('optimize')")

    def lock(self, rows: Sequence[int]) -> None:
        """Do nothing: this process holds the writer lock."""

    def read_head(self) -> Head:
        """The end of the trail."""
        found = newest(self._connection, read_store(self._connection, self._path)[1])
        return Head(*found[:2])

    def tampered(self, what: str) -> StoreTampered:
        """The error for something that was changed behind the trail."""
        return StoreTampered(self._path, what)

    def replaced(self) -> StoreUnavailable:
        """The error for an older store that was brought back meanwhile."""
        return StoreUnavailable(Fault.REPLACED, self._path)
