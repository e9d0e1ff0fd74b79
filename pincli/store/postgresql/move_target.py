"""The database that a store moves to: filled in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import Fault, Head
from pincli.store.location import Server
from pincli.store.postgresql.client import require_committed, without_retries
from pincli.store.postgresql.connection import Connection, Parameters, connect
from pincli.store.postgresql.roles import OWNER, grants
from pincli.store.postgresql.tables import OLD_EVENTS as MAKE_OLD_EVENTS
from pincli.store.postgresql.tables import SCHEMA
from pincli.store.sql.rows import Row
from pincli.store.sql.tables import OLD_EVENTS, STORE, TABLES, WORDS, Table

_LONGEST_STALL = 60.0
"""Seconds to wait for the answer to a page of rows; nobody else can write meanwhile."""
_LONGEST_COMMIT = 600.0
"""Seconds to wait for the commit: standbys may have to catch up with everything."""

# Timeouts that are set for others' short statements would cut this one short.
_SETTINGS = (
    "SELECT set_config('lock_timeout', '10s', true), set_config('statement_timeout', '0', true), "
    "set_config('idle_in_transaction_session_timeout', '0', true), "
    "set_config('client_min_messages', 'warning', true), "
    "set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') "
    "IN ('on', 'remote_apply') THEN current_setting('synchronous_commit') ELSE 'on' END, true)"
)
_EXISTS = "SELECT to_regclass(%s) IS NOT NULL"
# A second move, or an init, waits here. Readers go on.
_LOCK = "LOCK TABLE pincli.store IN EXCLUSIVE MODE"
_FORBIDDEN = (
    "SELECT name FROM unnest(%s::text[]) AS name "
    "WHERE NOT (has_table_privilege('pincli.' || name, 'SELECT') "
    "AND has_table_privilege('pincli.' || name, 'INSERT')) LIMIT 1"
)
_STORE_ID = "SELECT store_id FROM pincli.store"
_LINK = "SELECT link FROM pincli.trail WHERE number = %s"


class MoveTarget:
    """An open transaction that a store is copied into."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._connection = connection
        self._server = server

    def holds(self, store_id: str, head: Head) -> bool:
        """Whether this store is here already, with its trail up to that head."""
        links = self._run(_LINK, (head.number,))
        return self._run(_STORE_ID) == [(store_id,)] and links == [(head.link,)]

    def require_empty(self) -> None:
        """Raise Refused if the tables hold anything."""
        for table in (STORE, *TABLES, WORDS):
            if self._run(f"SELECT 1 FROM pincli.{table.name} LIMIT 1"):
                raise Refused(Rule.DATABASE_IN_USE, str(self._server))

    def prepare(self, table: Table) -> None:
        """Make the table for the events of schema 1, if that is the one to copy.

        Raises:
            StoreUnavailable: The table is missing, and the login may not act as the owner.
        """
        if table is not OLD_EVENTS or self._run(_EXISTS, ("pincli.old_events",)) == [(True,)]:
            return
        try:
            self._run(f"SET LOCAL ROLE {OWNER}")
        except StoreUnavailable as error:
            raise _not_allowed(self._server, "make old_events", OWNER) from error
        for statement in (*MAKE_OLD_EVENTS, *grants(old_events=True)):
            self._run(statement)
        self._run("RESET ROLE")

    def add_rows(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a table."""
        self._connection.patience = _LONGEST_STALL
        columns = ", ".join(table.columns)
        statement = f"COPY pincli.{table.name} ({columns}) FROM STDIN"
        with (
            without_retries(self._server),
            self._connection.cursor().copy(statement.encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def add_store(self, row: Row, head: Head) -> None:
        """Add the store's own row; without it there is no store."""
        columns = (*STORE.columns, "schema", "head_number", "head_link")
        marks = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO pincli.store ({', '.join(columns)}) VALUES ({marks})"
        self._run(statement, (*row, SCHEMA, *head))

    def commit(self) -> None:
        """Commit the copy.

        Raises:
            StoreUnavailable: The commit may not have happened, or may not survive a failover.
        """
        self._connection.patience = _LONGEST_COMMIT
        with without_retries(self._server):
            commit = self._connection.execute(b"COMMIT")
        require_committed(self._connection, commit, self._server)

    def begin(self) -> None:
        """Begin the transaction, and lock the store's row out for other moves.

        Raises:
            StoreUnavailable: There are no tables, or the login may not fill them.
        """
        self._run("BEGIN")
        self._run(_SETTINGS)
        if self._run(_EXISTS, ("pincli.store",)) != [(True,)]:
            raise StoreUnavailable(Fault.NO_TABLES, self._server)
        names = [table.name for table in (STORE, *TABLES, WORDS)]
        for (name,) in self._run(_FORBIDDEN, (names,)):
            raise _not_allowed(self._server, f"write {name}", "pincli_admin")
        self._run(_LOCK)

    def _run(self, statement: str, parameters: Parameters = ()) -> list[Row]:
        self._connection.patience = max(self._connection.patience, _LONGEST_STALL)
        with without_retries(self._server):
            cursor = self._connection.execute(statement.encode(), parameters or None)
            return list(cursor.fetchall()) if cursor.description is not None else []


@contextmanager
def open_move_target(server: Server) -> Iterator[MoveTarget]:
    """Open a transaction that is rolled back at the end, unless it was committed.

    Raises:
        StoreUnavailable: There is no connection; or there are no tables, or the login may not
            fill them.
    """
    with without_retries(server):
        connection = connect(server)
    with closing(connection):
        target = MoveTarget(connection, server)
        target.begin()
        yield target


def _not_allowed(server: Server, what: str, group: str) -> StoreUnavailable:
    detail = f"it may not {what}; a login of {group} may"
    return StoreUnavailable(Fault.FORBIDDEN, server, detail)
