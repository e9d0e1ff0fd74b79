"""pincli opens only a schema that it made: foreign objects and changed texts are found."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from pincli.errors import StoreTampered
from pincli.models import EventKind, NewEvent
from pincli.operations.session import Session
from pincli.store.sqlite import schema_check
from pincli.store.sqlite.tables import FROM_SCHEMA_1, SCHEMA_1, SCHEMA_2
from pincli.store.steps import people
from tests.store.forging import schema
from tests.support.desk import Desk

NOTHING = NewEvent(EventKind.REFUSED, outcome="role")
TRIGGER = "CREATE TRIGGER t AFTER UPDATE ON people BEGIN UPDATE people SET failed_attempts = 0; END"

FOREIGN = {
    TRIGGER: "there is a trigger t",
    "CREATE TRIGGER t BEFORE INSERT ON trail BEGIN SELECT RAISE(IGNORE); END": "a trigger t",
    "CREATE TRIGGER t AFTER INSERT ON _sqlite_migrations BEGIN SELECT 1; END": "a trigger t",
    "CREATE VIEW v AS SELECT * FROM people": "there is a view v",
    "CREATE TABLE extra (x)": "there is a foreign table extra",
    "CREATE VIRTUAL TABLE extra USING fts5 (x)": "there is a foreign table extra",
    "CREATE INDEX extra ON words_content (c0)": "there is a foreign index extra",
    "DROP TABLE words": "the table words is missing",
    "CREATE INDEX extra ON people (email)": "there is a foreign index extra",
    "CREATE UNIQUE INDEX extra ON people (uid)": "there is a foreign index extra",
    "ALTER TABLE people ADD COLUMN extra TEXT": "the table people was changed",
    "ALTER TABLE texts RENAME TO extra": "the index texts_by_name was changed",
    "DROP INDEX people_locked": "the index people_locked is missing",
    "DROP INDEX trail_by_change": "the index trail_by_change is missing",
    "DROP TABLE notices": "the table notices is missing",
}
EDITED = {
    ("people", "BETWEEN 0 AND 6", "BETWEEN -9 AND 6"): "the table people was changed",
    ("people", ") STRICT", ")"): "the table people was changed",
    ("people", "id INTEGER PRIMARY KEY", "id INTEGER  PRIMARY KEY"): "the table people was changed",
    ("trail", "number > 0", "number > -9"): "the table trail was changed",
    ("words", "'1 2 3'", "'1 2'"): "the table words was changed",
    ("people_locked", "IS NOT NULL", "IS NULL"): "the index people_locked was changed",
    ("trail_by_change", "record IS NOT NULL", "record IS NULL"): "trail_by_change was changed",
    ("people_by_login", "login, account", "account, login"): "people_by_login was changed",
}


def found_at_open(desk: Desk) -> str:
    """What the error says on opening; not one byte changes."""
    before = desk.database.read_bytes()
    with pytest.raises(StoreTampered) as error, desk.session():
        pass
    assert desk.database.read_bytes() == before
    return error.value.detail


@pytest.mark.parametrize("edit", EDITED)
def test_an_edited_text_is_found_at_open(desk: Desk, edit: tuple[str, str, str]) -> None:
    """A weaker CHECK, an index that hides rows, one blank more: every text is compared."""
    name, before, after = edit
    statement = "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ?"
    schema(desk, statement, before, after, name)
    assert EDITED[edit] in found_at_open(desk)


@pytest.mark.parametrize("statement", FOREIGN)
def test_a_foreign_object_is_found_at_open_and_before_the_next_write(
    desk: Desk, statement: str
) -> None:
    """An open desk compares again when the cookie has changed, and writes nothing."""
    with desk.session() as session:
        record(session)
        desk.sql(statement)
        rows = desk.sql("SELECT count(*) FROM trail")
        for _ in range(2):
            with pytest.raises(StoreTampered):
                record(session)
    assert desk.sql("SELECT count(*) FROM trail") == rows
    assert FOREIGN[statement] in found_at_open(desk)


def record(session: Session) -> None:
    """Write something."""
    session.store.write(people.record, NOTHING)


def test_what_changes_nothing_is_compared_and_accepted(desk: Desk) -> None:
    """ANALYZE and VACUUM make tables of their own and change the cookie; both are accepted."""
    desk.add("alice")
    with desk.session() as session:
        for statement in ("ANALYZE", "VACUUM", "CREATE TABLE extra (x)", "DROP TABLE extra"):
            desk.sql(statement)
            if "CREATE" not in statement:
                record(session)
    assert desk.user("alice").login == "alice"


def test_each_accepted_schema_is_accepted() -> None:
    """A fresh schema and an upgraded one are accepted, and no mixture."""
    for version, statements, accepted in (
        (1, SCHEMA_1, True),
        (2, SCHEMA_2, True),
        (2, (*SCHEMA_2, *FROM_SCHEMA_1), True),
        (1, SCHEMA_2, False),
        (2, SCHEMA_1, False),
        (2, (*SCHEMA_2, FROM_SCHEMA_1[0]), False),
        (2, SCHEMA_2[:-1], False),
    ):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)
            assert (schema_check.foreign(connection, version) is None) is accepted
