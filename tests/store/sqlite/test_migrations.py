"""The migrations, and what the tables refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlite_utils import Database

from pincli.models import PinOrigin, Texts, TrailEvent, User, UserType
from pincli.store.sqlite.connection import SCHEMA_VERSION, connect
from pincli.store.sqlite.migrations import migrate, migrations
from tests.support.desk import Desk

PIN = (
    "question = 'q', pin_check = x'00', pin_proof = x'00', verify_key = 'k', sealed = x'00', "
    "portal_key = 'p', pin_set_at = 't'"
)
WHOLE = f"{PIN}, pin_set_by = 'customer'"
OPEN = f"{WHOLE}, attempt = 7, attempt_answer = x'00'"


@pytest.fixture
def connection(desk: Desk) -> Iterator[sqlite3.Connection]:
    """A store with one user, and a connection to it."""
    desk.add("alice")
    with closing(connect(desk.database)) as opened:
        yield opened


def test_the_version_is_the_number_of_migrations(connection: sqlite3.Connection) -> None:
    """SCHEMA_VERSION, user_version and the applied migrations agree."""
    database = Database(connection, execute_plugins=False)
    assert connection.execute("PRAGMA user_version").fetchall() == [(SCHEMA_VERSION,)]
    assert len(list(migrations.applied(database))) == SCHEMA_VERSION
    assert list(migrations.pending(database)) == []


def test_migrating_again_changes_nothing(connection: sqlite3.Connection) -> None:
    """Of several processes that migrate at once, all but one find nothing to do."""
    before = list(connection.iterdump())
    connection.execute("BEGIN IMMEDIATE")
    migrate(connection)
    connection.execute("COMMIT")
    assert list(connection.iterdump()) == before


def test_every_table_is_strict(connection: sqlite3.Connection) -> None:
    """No column takes a value of another type."""
    tables = connection.execute(
        "SELECT name, strict FROM pragma_table_list "
        "WHERE type = 'table' AND schema = 'main' AND name NOT LIKE '%sqlite%'"
    ).fetchall()
    assert {"store", "people", "trail", "texts", "notices"} <= {name for name, _ in tables}
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
        "display_name = x'00'",
        "uid = x'00'",
        "uid = NULL",
        "event = NULL",
        "seal = NULL",
        "question = 'q'",
        "pin_check = x'00'",
        "pin_proof = x'00'",
        "verify_key = 'k'",
        "sealed = x'00'",
        "portal_key = 'p'",
        "pin_set_at = 't'",
        "pin_set_by = 'customer'",
        f"{PIN}, pin_set_by = 'agent'",
        f"{PIN}, pin_set_by = NULL",
        "locked_since = 't'",
        "locked_since = 't', failed_attempts = 5",
        "failed_attempts = 6",
        "failed_attempts = 1, attempt = 7, attempt_answer = x'00'",
        OPEN,
        f"{OPEN}, failed_attempts = 7",
        f"{OPEN}, failed_attempts = 6, locked_since = 't'",
        f"{WHOLE}, failed_attempts = 1, attempt = 7",
        f"{WHOLE}, failed_attempts = 1, attempt_answer = x'00'",
    ],
)
def test_an_impossible_record_is_refused_by_the_table(
    connection: sqlite3.Connection, change: str
) -> None:
    """No bug can write a record that the rules exclude."""
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"UPDATE people SET {change}")  # noqa: S608


@pytest.mark.parametrize(
    "change",
    [
        *(f"failed_attempts = {counter}" for counter in range(6)),
        *(f"{OPEN}, failed_attempts = {counter}" for counter in range(1, 7)),
        *(f"type = '{kind}'" for kind in UserType),
        *(f"{PIN}, pin_set_by = '{origin}'" for origin in PinOrigin),
        "locked_since = 't', failed_attempts = 6",
        "active = 0",
    ],
)
def test_a_possible_record_is_taken(connection: sqlite3.Connection, change: str) -> None:
    """Every possible counter, type and origin can be stored."""
    assert connection.execute(f"UPDATE people SET {change}").rowcount == 1  # noqa: S608


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("people", "id = 9, account = 'globex'"),
        ("people", "id = 9, uid = randomblob(16)"),
        ("store", "id = 1"),
        ("store", "id = 2"),
        ("trail", "number = 0"),
        ("trail", "number = 1"),
        ("trail", "number = 99, link = NULL"),
    ],
    ids=["same uid", "same login", "same identity", "two", "number 0", "same number", "no link"],
)
def test_an_impossible_row_is_refused_by_the_table(
    connection: sqlite3.Connection, table: str, change: str
) -> None:
    """No second user of a name or uid, no second identity, no event without number or link."""
    connection.execute(f"CREATE TEMP TABLE another AS SELECT * FROM {table} LIMIT 1")  # noqa: S608
    connection.execute(f"UPDATE another SET {change}")  # noqa: S608
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"INSERT INTO {table} SELECT * FROM another")  # noqa: S608


def test_a_login_may_be_in_several_accounts(connection: sqlite3.Connection) -> None:
    """Users are unique by account and login."""
    connection.execute("CREATE TEMP TABLE another AS SELECT * FROM people")
    connection.execute("UPDATE another SET id = 9, uid = randomblob(16), account = 'globex'")
    connection.execute("INSERT INTO people SELECT * FROM another")
    assert connection.execute("SELECT count(*) FROM people").fetchall() == [(2,)]


def test_no_state_is_stored(connection: sqlite3.Connection) -> None:
    """A stored state could contradict the counter, so it is derived."""
    columns = connection.execute("SELECT name FROM pragma_table_info('people')").fetchall()
    assert columns
    assert not {name for (name,) in columns} & {"state", "locked", "status"}


def test_the_columns_are_the_record_and_the_order_of_its_digest(
    connection: sqlite3.Connection,
) -> None:
    """People and trail have the fields of models.py, and only the record's seal besides."""
    for table, fields in (
        ("people", (*User._fields, "seal")),
        ("trail", TrailEvent._fields),
        ("texts", Texts._fields),
    ):
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
        assert tuple(name for (name,) in rows) == fields


def test_no_trigger_and_no_view_is_made(connection: sqlite3.Connection) -> None:
    """With trusted_schema off, a trigger that reaches FTS5 would end every verify."""
    kinds = connection.execute("SELECT DISTINCT type FROM sqlite_master ORDER BY 1").fetchall()
    assert kinds == [("index",), ("table",)]
