"""Stores of every schema version there ever was: this pincli opens them, and loses nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pincli.errors import StoreUnavailable
from pincli.models import Fault, Outcome, State
from pincli.operations import pins
from pincli.operations.session import Need
from pincli.operations.trail import check_trail
from pincli.operations.verify import verify
from pincli.rules.states import state_of
from pincli.store.sqlite import engine
from pincli.store.sqlite.connection import SCHEMA_VERSION, connect
from tests.support.contract import call
from tests.support.desk import new_desk
from tests.support.drive_upkeep_fixture import brought_back, dump, key_files
from tests.support.driving import ROOT
from tests.support.floor import (
    ACTIVE,
    FIVE_MISSES,
    GUEST,
    INACTIVE,
    INELIGIBLE,
    LOCKED,
    LOCKED_AND_INACTIVE,
    RIGHT,
    UNCOLLECTED,
    WRONG,
    content,
)

VERSIONS = range(1, SCHEMA_VERSION + 1)
STATES = {
    ACTIVE: State.ACTIVE,
    FIVE_MISSES: State.ACTIVE,
    GUEST: State.ACTIVE,
    LOCKED: State.LOCKED,
    LOCKED_AND_INACTIVE: State.INACTIVE,
    INACTIVE: State.INACTIVE,
    UNCOLLECTED: State.UNCOLLECTED,
    INELIGIBLE: State.INELIGIBLE,
}


def tables(database: Path) -> dict[str, str]:
    """What the schema is made of, by name."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return dict(rows.fetchall())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_has_a_fixture(version: int) -> None:
    """A new version without one: run tests/support/drive_upkeep_fixture.py before its release."""
    assert dump(version).exists()
    assert key_files(version).exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_that_version_goes_on(version: int, tmp_path: Path) -> None:
    """Every user is in the state of then, the PINs verify and are shown, and the trail checks."""
    desk = brought_back(version, tmp_path)
    assert {name: state_of(desk.user(name)) for name in STATES} == STATES
    with desk.session() as session:
        for user in (ACTIVE, GUEST):
            assert verify(session, user, WRONG, None).outcome is Outcome.INCORRECT
            assert verify(session, user, RIGHT, None).outcome is Outcome.VERIFIED
            assert pins.show(session, user).pin == RIGHT
        assert verify(session, LOCKED, RIGHT, None).outcome is Outcome.LOCKED
        verdict = verify(session, FIVE_MISSES, WRONG, None)
        assert (verdict.outcome, verdict.state) == (Outcome.INCORRECT, State.LOCKED)
    with desk.session(Need.CHECK) as session:
        assert check_trail(session, None).finding is None
    assert desk.sql("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert desk.sql("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_becomes_a_store_like_a_new_one(version: int, tmp_path: Path) -> None:
    """The same tables, columns, checks and indexes, word for word, as `init` makes."""
    desk = brought_back(version, tmp_path / "old")
    desk.user(ACTIVE)
    assert tables(desk.database) == tables(new_desk(tmp_path / "new").database)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_doctor_finds_it_well(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any command has opened it once."""
    from pincli.commands import doctor

    monkeypatch.setattr(doctor, "PATH", tmp_path / "none")
    desk = brought_back(version, tmp_path)
    assert call(desk, "status").code == 0
    ran = call(desk, "doctor")
    assert ran.code == 0, ran


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1, 2**31 - 1, -1])
@pytest.mark.parametrize(
    "line", ["status", "verify alice --pin-stdin", "audit verify", "keys list"]
)
def test_a_version_that_is_none_of_ours_is_refused(version: int, line: str, tmp_path: Path) -> None:
    """Exit 8, and not one byte is touched: neither a newer store, nor one marked as none at all."""
    desk = brought_back(SCHEMA_VERSION, tmp_path)
    desk.sql(f"PRAGMA user_version = {version}")
    before = content(desk.store)
    ran = call(desk, line, f"{RIGHT}\n")
    assert ran.code == 8, ran
    if version > SCHEMA_VERSION:
        assert "newer" in ran.err
        assert "upgrade pincli" in ran.err
    assert content(desk.store) == before


def test_the_fault_says_which(tmp_path: Path) -> None:
    """Marked as version 0 it is no store; from the future it is a newer one."""
    desk = brought_back(SCHEMA_VERSION, tmp_path)
    for version, fault in ((0, Fault.NOT_A_STORE), (99, Fault.NEWER)):
        desk.sql(f"PRAGMA user_version = {version}")
        with pytest.raises(StoreUnavailable) as raised, desk.session(Need.WRITE):
            pass
        assert raised.value.fault is fault


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it is rolled back, with the version; the next start does it whole."""
    desk = brought_back(SCHEMA_VERSION, tmp_path)
    from pincli.store.sqlite import schema

    migrate: Callable[[sqlite3.Connection], None] = schema.migrate

    def halfway(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (id INTEGER) STRICT")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        raise sqlite3.OperationalError("no more")

    before = tables(desk.database)
    monkeypatch.setattr(engine, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(schema, "migrate", halfway)
    with pytest.raises(StoreUnavailable), desk.session(Need.WRITE):
        pass
    monkeypatch.setattr(schema, "migrate", migrate)
    assert tables(desk.database) == before
    assert desk.sql("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    monkeypatch.undo()
    assert state_of(desk.user(ACTIVE)) is State.ACTIVE


def test_reading_only_upgrades_nothing(tmp_path: Path) -> None:
    """Whoever presses Tab or runs the doctor leaves the schema to a command that may write."""
    desk = brought_back(SCHEMA_VERSION, tmp_path)
    before = desk.database.read_bytes()
    with closing(connect(desk.database, read_only=True)) as connection:
        connection.execute("SELECT count(*) FROM users").fetchall()
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("DELETE FROM users")
    assert desk.database.read_bytes() == before


def test_six_first_starters_at_once(tmp_path: Path) -> None:
    """One of them upgrades the store, once, and all six go on."""
    desk = brought_back(SCHEMA_VERSION, tmp_path)
    with ExitStack() as stack:
        starters = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.support.drive_migration", str(desk.store)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            for _ in range(6)
        ]
        for starter in starters:
            assert starter.stdout is not None
            assert starter.stdout.readline() == b"ready\n"
        for starter in starters:
            assert starter.stdin is not None
            starter.stdin.write(b"\n")
            starter.stdin.flush()
        told = [starter.communicate(timeout=60)[1] for starter in starters]
    assert ([starter.returncode for starter in starters], told) == ([0] * 6, [b""] * 6)
    assert desk.sql("SELECT count(*) FROM next") == [(1,)]
    assert desk.sql("PRAGMA user_version") == [(SCHEMA_VERSION + 1,)]
