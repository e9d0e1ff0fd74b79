"""Making a new store in a database: all of it in one transaction, or nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import EventKind, Fault, Head, Identity, NewEvent, Origin
from pincli.rules.canonical import first_link
from pincli.store.location import Server
from pincli.store.mark import Mark
from pincli.store.postgresql.client import mark_at, require_committed
from pincli.store.postgresql.connection import Connection, connect
from pincli.store.postgresql.errors import Retry, translated
from pincli.store.postgresql.roles import OWNER, statements
from pincli.store.postgresql.tables import SCHEMA
from pincli.store.postgresql.transaction import BEGIN, CLOCK, PostgresTransaction, facts_of
from pincli.store.sealing import Sealers

_HAS_SCHEMA = b"SELECT to_regnamespace('pincli') IS NOT NULL"
_HAS_STORE = b"SELECT EXISTS (SELECT FROM pincli.store)"
_STORE = (
    b"INSERT INTO pincli.store (id, store_id, verify_key, audit_key, portal_key, start_number, "
    b"start_link, start_seal, schema, head_number, head_link, created_at) "
    b"VALUES (1, %s, %s, %s, %s, 0, %s, %s, %s, 0, %s, " + CLOCK + b")"
)


def create_store(
    server: Server, marks: Path, identity: Identity, *, sealers: Sealers, origin: Origin
) -> None:
    """Make the store, and schema and functions if no DBA has made them.

    Raises:
        Refused: There is a store already; it is left as it is.
        StoreUnavailable: It can't be made; or that is unknown, if it is `unsure`.
    """
    committing = False
    try:
        with translated(server), closing(connect(server)) as connection:
            connection.execute(BEGIN)
            _require_schema(connection, server)
            link = first_link(identity.store_id)
            seal = sealers.of(identity.audit_key).seal_trail(identity.store_id, 0, link)
            connection.execute(_STORE, (*identity, link, seal, SCHEMA, link))
            facts = facts_of(connection, server)
            transaction = PostgresTransaction(
                connection, server, facts, sealers=sealers, origin=origin
            )
            transaction.save([NewEvent(EventKind.INITIALISED, outcome=identity.audit_key)])
            transaction.end()
            committing = True
            require_committed(connection, connection.execute(b"COMMIT"), server)
    except (Retry, psycopg.errors.DuplicateSchema):
        raise Refused(Rule.STORE_EXISTS, str(server)) from None  # another init was faster
    except StoreUnavailable as error:
        error.unsure = committing and error.fault in (Fault.LOST, Fault.IN_DOUBT)
        raise
    _make_mark(marks, identity, transaction.head)


def has_store(server: Server) -> bool:
    """Whether this database has a store, or raise StoreUnavailable."""
    with translated(server), closing(connect(server)) as connection:
        return all(
            connection.execute(each).fetchall() == [(True,)] for each in (_HAS_SCHEMA, _HAS_STORE)
        )


def _require_schema(connection: Connection, server: Server) -> None:
    """Make the tables if they are missing. Refuse if they hold a store."""
    if connection.execute(_HAS_SCHEMA).fetchall() == [(True,)]:
        if connection.execute(_HAS_STORE).fetchall() == [(True,)]:
            raise Refused(Rule.STORE_EXISTS, str(server))
        return
    try:
        for statement in statements():
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreUnavailable(Fault.NOT_MADE, server, error.diag.message_primary or "") from None
    connection.execute(f"SET LOCAL ROLE {OWNER}".encode())


def _make_mark(folder: Path, identity: Identity, head: Head) -> None:
    """Make this host's mark. If that fails, doctor reports it."""
    try:
        mark = Mark.make(folder, bytes.fromhex(identity.store_id))
    except StoreUnavailable:
        return
    if mark is not None:
        with closing(mark):
            mark.raise_to(mark_at(head, 0))
