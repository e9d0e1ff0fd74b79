"""A store that arrives from another engine: in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import Fault, Head
from pincli.store.location import Server
from pincli.store.postgresql.connection import Connection, Parameters, connect
from pincli.store.postgresql.host import at_last, require_committed
from pincli.store.postgresql.roles import OWNER, grants
from pincli.store.postgresql.tables import OLD_EVENTS as MAKE_OLD_EVENTS
from pincli.store.postgresql.tables import SCHEMA
from pincli.store.sql.rows import Row
from pincli.store.sql.tables import OLD_EVENTS, STORE, TABLES, WORDS, Table

_LONGEST_STALL = 60.0
"""Seconds without an answer to a page of rows: it is sent while nobody else can write."""
_LONGEST_COMMIT = 600.0
"""Standbys may have to catch up with all of it."""

# Whatever is set for others' short statements would cut this one short.
_SETTINGS = (
    "SELECT set_config('lock_timeout', '10s', true), set_config('statement_timeout', '0', true), "
    "set_config('idle_in_transaction_session_timeout', '0', true), "
    "set_config('client_min_messages', 'warning', true), "
    "set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') "
    "IN ('on', 'remote_apply') THEN current_setting('synchronous_commit') ELSE 'on' END, true)"
)
_IS_THERE = "SELECT to_regclass(%s) IS NOT NULL"
# Of two who move or run init at once, one waits here. Who reads goes on.
_TAKE = "LOCK TABLE pincli.store IN EXCLUSIVE MODE"
_FORBIDDEN = (
    "SELECT name FROM unnest(%s::text[]) AS name "
    "WHERE NOT (has_table_privilege('pincli.' || name, 'SELECT') "
    "AND has_table_privilege('pincli.' || name, 'INSERT')) LIMIT 1"
)
_STORE_ID = "SELECT store_id FROM pincli.store"
_LINK = "SELECT link FROM pincli.trail WHERE number = %s"


class Arrival:
    """An open transaction in a server's database, into which a store is copied."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._connection = connection
        self._server = server

    def holds(self, store_id: str, head: Head) -> bool:
        """Whether a store is here already, with all of its trail up to a head."""
        links = self._run(_LINK, (head.number,))
        return self._run(_STORE_ID) == [(store_id,)] and links == [(head.link,)]

    def require_empty(self) -> None:
        """Raise Refused where the database holds anything of a store."""
        for table in (STORE, *TABLES, WORDS):
            if self._run(f"SELECT 1 FROM pincli.{table.name} LIMIT 1"):
                raise Refused(Rule.DATABASE_IN_USE, str(self._server))

    def prepare(self, table: Table) -> None:
        """Make the table for the events of schema 1, where that is what is to be copied.

        Raises:
            StoreUnavailable: There is none, and the login does not belong to the schema's owner.
        """
        if table is not OLD_EVENTS or self._run(_IS_THERE, ("pincli.old_events",)) == [(True,)]:
            return
        try:
            self._run(f"SET LOCAL ROLE {OWNER}")
        except StoreUnavailable as error:
            raise _not_allowed(self._server, "make old_events", OWNER) from error
        for statement in (*MAKE_OLD_EVENTS, *grants(old_events=True)):
            self._run(statement)
        self._run("RESET ROLE")

    def take(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows of a table."""
        self._connection.patience = _LONGEST_STALL
        columns = ", ".join(table.columns)
        statement = f"COPY pincli.{table.name} ({columns}) FROM STDIN"
        with at_last(self._server), self._connection.cursor().copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)

    def take_store(self, row: Row, head: Head) -> None:
        """Add the store's own row, without which there is none."""
        columns = (*STORE.columns, "schema", "head_number", "head_link")
        marks = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO pincli.store ({', '.join(columns)}) VALUES ({marks})"
        self._run(statement, (*row, SCHEMA, *head))

    def commit(self) -> None:
        """Make it the store.

        Raises:
            StoreUnavailable: Nobody knows whether it is, or whether it would outlive a failover.
        """
        self._connection.patience = _LONGEST_COMMIT
        with at_last(self._server):
            commit = self._connection.execute(b"COMMIT")
        require_committed(self._connection, commit, self._server)

    def _begin(self) -> None:
        self._run("BEGIN")
        self._run(_SETTINGS)
        if self._run(_IS_THERE, ("pincli.store",)) != [(True,)]:
            raise StoreUnavailable(Fault.NO_TABLES, self._server)
        names = [table.name for table in (STORE, *TABLES, WORDS)]
        for (name,) in self._run(_FORBIDDEN, (names,)):
            raise _not_allowed(self._server, f"write {name}", "pincli_admin")
        self._run(_TAKE)

    def _run(self, statement: str, parameters: Parameters = ()) -> list[Row]:
        self._connection.patience = max(self._connection.patience, _LONGEST_STALL)
        with at_last(self._server):
            cursor = self._connection.execute(statement.encode(), parameters or None)
            return list(cursor.fetchall()) if cursor.description is not None else []


@contextmanager
def arriving(server: Server) -> Iterator[Arrival]:
    """A transaction that is undone at the end, unless it was committed.

    Raises:
        StoreUnavailable: There is no connection; or there are no tables, or the login may not
            fill them.
    """
    with at_last(server):
        connection = connect(server)
    with closing(connection):
        arrival = Arrival(connection, server)
        arrival._begin()
        yield arrival


def _not_allowed(server: Server, what: str, group: str) -> StoreUnavailable:
    detail = f"it may not {what}; a login of {group} may"
    return StoreUnavailable(Fault.FORBIDDEN, server, detail)
