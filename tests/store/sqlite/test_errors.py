"""SQLite's and the system's errors as faults, provoked for real."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pincli.errors import StoreBusy, StoreUnavailable
from pincli.models import Fault
from pincli.store.sqlite.errors import from_os, translated


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small database."""
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x CHECK (x < 10), y)")
        connection.execute("INSERT INTO t (x) VALUES (1)")
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to it that waits for no lock."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as opened:
        yield opened


def fault_of(path: Path, connection: sqlite3.Connection, statement: str) -> Fault:
    """The fault that a statement causes."""
    with pytest.raises(StoreUnavailable) as refusal, translated(path):
        connection.execute(statement).fetchall()
    assert refusal.value.path == path
    assert refusal.value.__suppress_context__
    return refusal.value.fault


def test_a_full_disk_is_full(path: Path, connection: sqlite3.Connection) -> None:
    """There is no room for another page."""
    connection.execute("PRAGMA max_page_count = 1").fetchall()
    assert fault_of(path, connection, "INSERT INTO t (y) VALUES (zeroblob(100000))") is Fault.FULL


def test_a_file_opened_for_reading_is_read_only(path: Path) -> None:
    """A write on a read-only connection is reported as such."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        assert fault_of(path, reader, "INSERT INTO t (x) VALUES (2)") is Fault.READ_ONLY


def test_a_foreign_write_lock_is_busy(path: Path, connection: sqlite3.Connection) -> None:
    """Another connection is writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        assert fault_of(path, connection, "INSERT INTO t (x) VALUES (2)") is Fault.BUSY


def test_who_holds_a_database_is_named(path: Path, connection: sqlite3.Connection) -> None:
    """The error names the process that holds the lock, which only the kernel knows."""
    statement = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)"
    statement += "; c.execute('BEGIN EXCLUSIVE'); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", statement, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as rival:
        assert rival.stdout is not None
        rival.stdout.readline()
        with pytest.raises(StoreBusy) as refusal, translated(path):
            connection.execute("SELECT * FROM t")
        rival.communicate(b"\n")
    assert refusal.value.holder == rival.pid


def test_a_broken_check_is_damage(path: Path, connection: sqlite3.Connection) -> None:
    """A row that the table refuses is reported as damage."""
    assert fault_of(path, connection, "INSERT INTO t (x) VALUES (99)") is Fault.DAMAGED


def test_a_missing_table_is_damage(path: Path, connection: sqlite3.Connection) -> None:
    """A store without one of its tables is damaged."""
    assert fault_of(path, connection, "SELECT * FROM users") is Fault.DAMAGED


def test_a_broken_page_is_damage(path: Path) -> None:
    """A page that SQLite can't read is damage."""
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as reader:
        assert fault_of(path, reader, "SELECT * FROM t") is Fault.DAMAGED


def test_no_database_is_no_store(path: Path) -> None:
    """Another kind of file is not a store."""
    path.write_bytes(b"no database " * 1000)
    with closing(sqlite3.connect(path)) as reader:
        assert fault_of(path, reader, "SELECT 1 FROM sqlite_master") is Fault.NOT_A_STORE


def test_a_path_that_can_not_be_opened_is_forbidden(path: Path) -> None:
    """SQLite gives no reason; usually it is the folder's permissions."""
    with pytest.raises(StoreUnavailable) as refusal, translated(path):
        sqlite3.connect(f"file:{path.parent / 'nowhere' / 'x.db'}?mode=rw", uri=True)
    assert refusal.value.fault is Fault.FORBIDDEN


def test_what_went_well_is_let_through(path: Path, connection: sqlite3.Connection) -> None:
    """Only errors of SQLite are translated; others pass unchanged."""
    with translated(path):
        assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    with pytest.raises(KeyError), translated(path):
        raise KeyError


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENOENT, Fault.MISSING),
        (errno.ENOTDIR, Fault.MISSING),
        (errno.ELOOP, Fault.LINK),
        (errno.EACCES, Fault.FORBIDDEN),
        (errno.EPERM, Fault.FORBIDDEN),
        (errno.EROFS, Fault.READ_ONLY),
        (errno.ENOSPC, Fault.FULL),
        (errno.EDQUOT, Fault.FULL),
        (errno.EFBIG, Fault.FULL),
        (errno.EIO, Fault.IO),
        (errno.EMFILE, Fault.IO),
    ],
)
def test_the_system_s_errors_have_faults(path: Path, number: int, fault: Fault) -> None:
    """Each error number has the fault whose hint helps."""
    error = from_os(OSError(number, os.strerror(number)), path)
    assert (error.fault, error.path) == (fault, path)
    assert error.detail == os.strerror(number)
