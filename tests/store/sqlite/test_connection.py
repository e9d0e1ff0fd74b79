"""Opening the database: what is not our store is refused and stays exactly as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from pincli.errors import StoreUnavailable
from pincli.models import Fault, Origin
from pincli.store.opening import open_store
from pincli.store.sqlite import connection
from pincli.store.sqlite.connection import APPLICATION_ID, SCHEMA_VERSION, connect
from pincli.store.steps.pins import withdraw
from tests.support.desk import Desk, new_desk


def fault_of(folder: Path) -> Fault:
    """The fault with which a store is refused."""
    with pytest.raises(StoreUnavailable) as refusal:
        open_store(folder, folder, origin=Origin("tester", "test"))
    assert refusal.value.path == folder / "pincli.db"
    return refusal.value.fault


def contents(folder: Path) -> dict[str, str]:
    """Every file in a folder, with a digest of its bytes."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def put_database(folder: Path, *statements: str) -> None:
    """Make a database file by these statements."""
    with closing(sqlite3.connect(folder / "pincli.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()


def test_a_missing_store_is_missing_and_not_made(tmp_path: Path) -> None:
    """Opening a wrong folder makes no database there."""
    assert fault_of(tmp_path) is Fault.MISSING
    assert fault_of(tmp_path / "nowhere") is Fault.MISSING
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"hello\n" * 1000, bytes(4096), b"SQLite format 3\x00" + b"\xff" * 4080],
    ids=len,
)
def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path, content: bytes) -> None:
    """An empty file, a text, or a file that only begins like a database is refused."""
    (tmp_path / "pincli.db").write_bytes(content)
    assert fault_of(tmp_path) is Fault.NOT_A_STORE
    assert contents(tmp_path) == {"pincli.db": sha256(content).hexdigest()}


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    """The error says that it is not a plain file, and sends nobody to its owner."""
    (tmp_path / "pincli.db").mkdir()
    assert fault_of(tmp_path) is Fault.NOT_A_STORE


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize(
    "marks",
    [
        (),
        ("PRAGMA user_version = 1",),
        (f"PRAGMA application_id = {APPLICATION_ID}",),
        ("PRAGMA application_id = 7", "PRAGMA user_version = 1"),
    ],
    ids=["plain", "versioned", "unversioned", "of another program"],
)
def test_another_database_is_not_touched(
    tmp_path: Path, journal: str, marks: tuple[str, ...]
) -> None:
    """The database of another program is refused, and not one byte of it changes."""
    put_database(tmp_path, "CREATE TABLE theirs (x)", *marks, f"PRAGMA journal_mode = {journal}")
    before = contents(tmp_path)
    assert fault_of(tmp_path) is Fault.NOT_A_STORE
    assert contents(tmp_path) == before


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("ahead", [1, 1000])
def test_a_newer_store_is_not_touched(desk: Desk, journal: str, ahead: int) -> None:
    """A store from a newer pincli is refused, with any journal mode, and no byte changes."""
    put_database(
        desk.store,
        f"PRAGMA user_version = {SCHEMA_VERSION + ahead}",
        f"PRAGMA journal_mode = {journal}",
    )
    before = contents(desk.store)
    assert fault_of(desk.store) is Fault.NEWER
    assert contents(desk.store) == before


def test_a_store_without_its_identity_is_none(desk: Desk) -> None:
    """A store that does not name its keys is refused."""
    desk.sql("DELETE FROM store")
    assert fault_of(desk.store) is Fault.TAMPERED


def test_a_store_turned_to_wal_is_brought_back(desk: Desk) -> None:
    """Opening a store in WAL mode switches it back to a rollback journal."""
    desk.collected("alice")
    put_database(desk.store, "PRAGMA journal_mode = wal")
    assert desk.user("alice").login == "alice"
    assert desk.sql("PRAGMA journal_mode") == [("delete",)]


def test_a_store_held_in_wal_is_refused(desk: Desk) -> None:
    """A store that can't be switched back is not written: WAL may lose commits."""
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode = wal").fetchall()
        holder.execute("BEGIN").execute("SELECT * FROM people").fetchall()
        assert fault_of(desk.store) is Fault.BUSY
        assert holder.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("journal_mode", "delete"),
        ("synchronous", 3),  # EXTRA
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("secure_delete", 1),
    ],
)
def test_every_connection_is_set_up_as_the_design_asks(
    desk: Desk, setting: str, value: str | int
) -> None:
    """Durable, with foreign keys, without a trusted schema, with secure deletion."""
    with closing(connect(desk.database)) as connection:
        assert connection.execute(f"PRAGMA {setting}").fetchall() == [(value,)]


def test_a_sqlite_without_strict_tables_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names an old SQLite before anything is opened."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    assert fault_of(desk.store) is Fault.OLD_SQLITE


def test_a_sqlite_without_fts5_is_refused(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`init` and every opening refuse it, and `init` leaves nothing behind."""
    monkeypatch.setattr(connection, "_FTS5", "SELECT no_such_function()")
    assert fault_of(desk.store) is Fault.OLD_SQLITE
    with pytest.raises(StoreUnavailable) as error:
        new_desk(tmp_path / "new")
    assert error.value.fault is Fault.OLD_SQLITE
    assert not list((tmp_path / "new").rglob("*.db*"))


@pytest.mark.parametrize(
    "name", ["a?b", "a#b", "50%20", "d\u00e9sk \u5f20", "it's", "-rf", "a&b=c"]
)
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """No character of a path is read as a part of SQLite's URI."""
    desk = new_desk(tmp_path / name)
    desk.add("alice")
    assert desk.user("alice").account == "acme"
    assert sorted(contents(desk.store)) == ["pincli.db", "pincli.lock"]


def test_what_is_withdrawn_is_nowhere_in_the_file(desk: Desk) -> None:
    """Proof and sealed PIN are overwritten when they are deleted."""
    desk.collected("alice")
    stored = desk.user("alice")
    secrets = (stored.sealed or b"", stored.pin_proof or b"")
    assert all(secret in desk.database.read_bytes() for secret in secrets)
    with desk.session() as session:
        session.store.write(withdraw, [desk.user("alice").id], unlock=False, reason=None)
    left = desk.database.read_bytes()
    assert not any(secret in left for secret in secrets)
