"""Whole copies of a database, by SQLite's own backup: never by renaming over an open one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.models import Fault
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.remains import sync_folder


def copy_to_file(source: sqlite3.Connection, path: Path) -> None:
    """Copy a database into a new file, complete or absent, durable when this returns.

    In one step: a copy in several restarts whenever somebody writes, and with one agent at
    work was measured never to end. The caller holds the writer lock.

    Raises:
        Refused: There is something at that path.
        StoreUnavailable: It can't be written.
    """
    building = path.with_name(f"{path.name}.{os.getpid()}.part")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        building.unlink(missing_ok=True)  # of a killed process that had our number
        os.close(os.open(building, flags, 0o600))
        with translated(path), closing(_plain(building)) as target:
            copy(source, target)
        _sync(building)
        os.link(building, path, follow_symlinks=False)
        sync_folder(path.parent)
    except FileExistsError:
        raise Refused(Rule.FILE_EXISTS, str(path)) from None
    except OSError as error:
        raise from_os(error, path) from None
    finally:
        with suppress(OSError):
            building.unlink(missing_ok=True)


def copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Write one open database over another, in one step, whole or not at all.

    Raises:
        sqlite3.Error: It can't be done: also where somebody else holds one of them, for
            which SQLite has waited by then. Python would go on trying for ever, and the
            writer lock would be held meanwhile.
    """

    def give_up_if_busy(status: int, _remaining: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorname = "SQLITE_BUSY"
            raise error

    source.backup(target, progress=give_up_if_busy)


def copy_from_file(backup: Path, path: Path) -> None:
    """Copy a database file, which is not changed, into a new one.

    Raises:
        StoreUnavailable: It is no database, or the copy can't be written.
    """
    uri = f"{backup.absolute().as_uri()}?mode=ro"
    with translated(backup), closing(sqlite3.connect(uri, uri=True)) as source:
        source.execute("SELECT count(*) FROM sqlite_master").fetchall()
        copy_to_file(source, path)


def is_sound(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether SQLite finds a database intact, every page and index of it.

    Raises:
        StoreUnavailable: It could not be looked at, as somebody holds it or a disk fails:
            that says nothing of its pages.
    """
    try:
        with translated(path):
            return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except StoreUnavailable as error:
        if error.fault in (Fault.DAMAGED, Fault.NOT_A_STORE):
            return False
        raise


def _plain(path: Path) -> sqlite3.Connection:
    """A connection without journal or syncs: the file counts only once it is whole."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
