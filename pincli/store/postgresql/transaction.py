"""A write transaction on PostgreSQL, by a host that may write tables.

Locks are taken in one order, users by row number and then the head of the trail, so two writers
never deadlock. Statements are sent together with the next query, or with the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pincli.errors import StoreTampered, StoreUnavailable
from pincli.models import Fault, Head, Identity, Origin
from pincli.store.location import Server
from pincli.store.postgresql.connection import Connection
from pincli.store.postgresql.dialect import array, kinds_of, translated_sql
from pincli.store.sealing import Sealers
from pincli.store.sql.rows import Row
from pincli.store.sql.transaction import SqlTransaction

# Compiling a query takes longer than any of ours, and estimates for a new store are much too high.
PLANNING = (
    b"SELECT set_config('search_path', 'pincli, pg_temp', true), set_config('jit', 'off', true)"
)
BEGIN = b"BEGIN ISOLATION LEVEL READ COMMITTED"
# The warning about a cancelled commit must arrive, and commits must wait for the disk.
_SETTINGS = (
    PLANNING + b", "
    b"set_config('client_min_messages', 'warning', true), "
    b"set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') "
    b"IN ('on', 'remote_apply') THEN current_setting('synchronous_commit') ELSE 'on' END, true)"
)
CLOCK = b"to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
"""The server's time as the store holds times."""
_FACTS = (
    b"SELECT " + CLOCK + b", session_user::text, store_id, verify_key, audit_key, portal_key, "
    b"epoch, head_number, head_link FROM store"
)
_INDEX = (
    b"INSERT INTO words (id, folded) SELECT id, folded::tsvector FROM "
    b"unnest(%s::bigint[], %s::text[]) AS new (id, folded) "
    b"ON CONFLICT (id) DO UPDATE SET folded = excluded.folded"
)
_LEAST = 0.9
"""The share of the patience that the server waits for a lock, so that its error is heard."""


class Facts(NamedTuple):
    """What a transaction reads of its store when it begins.

    Attributes:
        at: The server's time, ISO 8601, UTC.
        login: The writer's database login.
        epoch: The store's epoch.
        head: The end of the trail; others may move it until it is locked.
    """

    at: str
    login: str
    identity: Identity
    epoch: int
    head: Head


def begin(connection: Connection, server: Server) -> Facts:
    """Begin a transaction, or raise StoreTampered if the store's own row is missing."""
    connection.execute(BEGIN)
    return facts_of(connection, server)


def facts_of(connection: Connection, server: Server) -> Facts:
    """Set up a transaction that has begun, and read its facts.

    Raises:
        StoreTampered: The store's own row is missing.
    """
    connection.execute(_SETTINGS)
    found = connection.execute(_FACTS).fetchall()
    if len(found) != 1:
        raise StoreTampered(server, "the store's own row is missing")
    at, login, store_id, verify, audit, portal, epoch, number, link = found[0]
    identity = Identity(store_id, verify, audit, portal)
    return Facts(at, login, identity, epoch, Head(number, link))


class PostgresTransaction(SqlTransaction):
    """An open transaction, in the connection's pipeline.

    Attributes:
        epoch: The store's epoch.
        head_at_first: The end of the trail at the beginning; others may have moved it since.
    """

    all_seal = False

    def __init__(
        self,
        connection: Connection,
        server: Server,
        facts: Facts,
        *,
        sealers: Sealers,
        origin: Origin,
        waits: bool = True,
        locked: Callable[[], None] = lambda: None,
    ) -> None:
        """Go on from `begin`, on a connection in a pipeline.

        `waits` is about others' locks; `locked` is called once others may have to wait.

        Raises:
            KeyChanged: The audit key was rotated, and this host lacks the new one.
        """
        super().__init__(
            identity=facts.identity,
            sealers=sealers,
            origin=origin,
            at=facts.at,
            database_login=facts.login,
        )
        self.epoch, self.head_at_first = facts.epoch, facts.head
        self._connection = connection
        self._server = server
        self._waits = waits
        self._locked = locked
        self._locks_asked = False
        self._head_before: Head | None = None

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        text, values = translated_sql(query, parameters)
        found = self._connection.execute(text, values).fetchall()
        if self._locks_asked:
            self._locked()
            self._locks_asked = False
        return found

    def run(self, statement: str, parameters: Sequence[Any]) -> None:
        """Run a statement that returns no rows."""
        self._connection.execute(*translated_sql(statement, parameters))

    # Each column is one array, and all rows are one statement: executemany waits for answers, and
    # takes ten times as long.

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add rows, one or thousands."""
        names, values = zip(*_filled(columns, rows), strict=True)
        new, arrays = _unnested(names, values)
        statement = f"INSERT INTO {table} ({', '.join(names)}) SELECT * FROM {new}"
        self._connection.execute(statement.encode(), arrays)

    def update(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Write these columns of users; each row ends with the user's row number."""
        names = (*columns, "id")
        setting = ", ".join(f"{name} = new.{name}" for name in columns)
        new, arrays = _unnested(names, [*zip(*rows, strict=True)])
        statement = f"UPDATE people SET {setting} FROM {new} AS new ({', '.join(names)})"
        self._connection.execute(f"{statement} WHERE people.id = new.id".encode(), arrays)

    def index(self, rows: Sequence[tuple[int, str]]) -> None:
        """Write users' search words: the row number, and the words joined by blanks."""
        numbers, words = zip(*rows, strict=True)
        self._connection.execute(_INDEX, (array(numbers, "bigint"), array(words, "text")))

    def lock(self, rows: Sequence[int]) -> None:
        """Lock these users until this transaction ends.

        It is a statement of its own, since one that also reads would see the rows as they were
        before the wait.
        """
        self._ask_for(
            f"SELECT FROM people WHERE id = ANY(%s) ORDER BY id {self._how}", [list(rows)]
        )

    def read_head(self) -> Head:
        """Lock the end of the trail until this transaction ends, and return it.

        Raises:
            StoreTampered: The trail ends elsewhere, or its newest event has a wrong seal.
        """
        query = f"SELECT head_number, head_link FROM store WHERE id = 1 {self._how}"
        locking = self._ask_for(query)
        newest = self.rows("SELECT number, link, seal FROM trail ORDER BY number DESC LIMIT 1")
        found = locking.fetchall()
        if len(found) != 1:
            raise self.tampered("the store's own row was changed")
        number, link = found[0]
        self._head_before = head = Head(number, link)
        if newest and newest[0][:2] != head:
            raise self.tampered(f"the trail does not end at event {number}")
        seal = newest[0][2] if newest else None
        store_id = self.identity.store_id
        if seal is not None and not self._sealers.accept(
            seal, lambda by: by.seal_trail(store_id, number, link)
        ):
            raise self.tampered(f"event {number}, the newest, has a wrong seal")
        return head

    def end(self) -> Head | None:
        """Write the new head into the store, and return it; None if there is no new event."""
        if self._head_before is None or self.head == self._head_before:
            return None
        self.run("UPDATE store SET head_number = ?, head_link = ? WHERE id = 1", self.head)
        return self.head

    def tampered(self, what: str) -> StoreTampered:
        """Return the error that something was changed behind the trail."""
        return StoreTampered(self._server, what)

    def replaced(self) -> StoreUnavailable:
        """Return the error that an older store was restored meanwhile."""
        return StoreUnavailable(Fault.REPLACED, self._server)

    @property
    def _how(self) -> str:
        return "FOR UPDATE" if self._waits else "FOR UPDATE NOWAIT"

    def _ask_for(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        timeout = str(lock_timeout(self._connection))
        self._connection.execute(b"SELECT set_config('lock_timeout', %s, true)", (timeout,))
        self._locks_asked = True
        return self._connection.execute(query.encode(), parameters)


def lock_timeout(connection: Connection) -> int:
    """How long the server waits for a lock, in milliseconds: less than we wait for its answer."""
    return max(int(connection.patience * _LEAST * 1000), 1)


def _filled(columns: Sequence[str], rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """Return the columns in which any row has a value, with their values."""
    by_column = zip(columns, zip(*rows, strict=True), strict=True)
    return [(name, values) for name, values in by_column if values.count(None) < len(values)]


def _unnested(names: tuple[str, ...], values: Sequence[Row]) -> tuple[str, list[str]]:
    """Return an SQL table of these columns, and its parameters, an array for each column."""
    kinds = kinds_of(names)
    arrays = [array(column, kind) for column, kind in zip(values, kinds, strict=True)]
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in kinds)})", arrays
