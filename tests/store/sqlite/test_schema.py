"""The tables: what no statement can get into them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlite_utils import Database

from pincli.models import PinOrigin, UserType
from pincli.store.sqlite.connection import SCHEMA_VERSION, connect
from pincli.store.sqlite.schema import migrate, migrations
from tests.support.desk import Desk

PIN = "verifier = 'v', verify_key = 'k', sealed = x'00', portal_key = 'p', pin_set_at = 't'"


@pytest.fixture
def connection(desk: Desk) -> Iterator[sqlite3.Connection]:
    """A store with one user, and a connection to try things with."""
    desk.add("alice")
    with closing(connect(desk.database)) as opened:
        yield opened


def test_the_version_is_the_number_of_migrations(connection: sqlite3.Connection) -> None:
    """SCHEMA_VERSION, the file's user_version and the migrations agree, and all are applied."""
    database = Database(connection, execute_plugins=False)
    assert connection.execute("PRAGMA user_version").fetchall() == [(SCHEMA_VERSION,)]
    assert len(list(migrations.applied(database))) == SCHEMA_VERSION
    assert list(migrations.pending(database)) == []


def test_migrating_again_changes_nothing(connection: sqlite3.Connection) -> None:
    """Of several first starters, all but one find nothing to do."""
    before = list(connection.iterdump())
    connection.execute("BEGIN IMMEDIATE")
    migrate(connection)
    connection.execute("COMMIT")
    assert list(connection.iterdump()) == before


def test_every_table_is_strict(connection: sqlite3.Connection) -> None:
    """No column of ours takes a value of another type."""
    tables = connection.execute(
        "SELECT name, strict FROM pragma_table_list "
        "WHERE type = 'table' AND schema = 'main' AND name NOT LIKE '%sqlite%'"
    ).fetchall()
    assert {"store", "users", "events"} <= {name for name, _ in tables}
    assert {strict for _, strict in tables} == {1}


@pytest.mark.parametrize(
    "change",
    [
        "failed_attempts = 7",
        "failed_attempts = -1",
        "failed_attempts = NULL",
        "failed_attempts = 'three'",
        "failed_attempts = 2.5",
        "active = 2",
        "active = NULL",
        "type = 'cloudy'",
        "type = NULL",
        "pin_version = -1",
        "locks_total = -1",
        "attempts_total = -1",
        "account = NULL",
        "name = x'00'",
        "verifier = 'v'",
        "verify_key = 'k'",
        "sealed = x'00'",
        "portal_key = 'p'",
        "pin_set_at = 't'",
        "pin_set_by = 'customer'",
        f"{PIN}, pin_set_by = 'agent'",
        f"{PIN}, pin_set_by = NULL",
        "locked_since = 't'",
        "locked_since = 't', failed_attempts = 5",
    ],
)
def test_an_impossible_record_is_refused_by_the_table(
    connection: sqlite3.Connection, change: str
) -> None:
    """Whatever else goes wrong, no such row is ever written."""
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"UPDATE users SET {change}")  # noqa: S608


@pytest.mark.parametrize(
    "change",
    [
        *(f"failed_attempts = {counter}" for counter in range(7)),
        *(f"type = '{kind}'" for kind in UserType),
        *(f"{PIN}, pin_set_by = '{origin}'" for origin in PinOrigin),
        "locked_since = 't', failed_attempts = 6",
        "active = 0",
    ],
)
def test_a_possible_record_is_taken(connection: sqlite3.Connection, change: str) -> None:
    """Every counter, type and origin there is can be stored."""
    assert connection.execute(f"UPDATE users SET {change}").rowcount == 1  # noqa: S608


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO users (user, account, name, type, active, added_at) "
        "VALUES ('alice', 'other', '', 'cloud', 1, 't')",
        "INSERT INTO store SELECT 2, store_id, created_at, verify_key, audit_key, portal_key "
        "FROM store",
        "INSERT INTO store SELECT * FROM store",
        "INSERT INTO events (seq, at, agent, command, kind, mac) "
        "VALUES (0, 't', 'a', 'c', 'k', 'm')",
        "INSERT INTO events (seq, at, agent, command, kind, mac) "
        "VALUES (1, 't', 'a', 'c', 'k', 'm')",
        "INSERT INTO events (at, agent, command, kind) VALUES ('t', 'a', 'c', 'k')",
    ],
    ids=["same user", "two identities", "same identity", "seq 0", "same seq", "no mac"],
)
def test_an_impossible_row_is_refused_by_the_table(
    connection: sqlite3.Connection, statement: str
) -> None:
    """A second user of a name, a second identity, an event without number or mac: never."""
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)


def test_no_state_is_stored(connection: sqlite3.Connection) -> None:
    """It is derived from the record: a stored one could contradict the counter."""
    columns = connection.execute("SELECT name FROM pragma_table_info('users')").fetchall()
    assert columns
    assert not {name for (name,) in columns} & {"state", "locked", "status"}
