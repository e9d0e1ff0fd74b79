"""Whole copies of a database, page by page, never by renaming over an open one."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.files import give_name, sync_file, sync_folder
from pincli.models import Fault
from pincli.store.sqlite.connection import schema_version
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.temporary_files import held_file, remove_leftovers, unfinished_name

Lock = AbstractContextManager[None]
_CACHE = "PRAGMA cache_size = -65536"
"""64 MiB, so that most pages are read once: for each index, rows are looked up all over a table."""


def back_up(source: sqlite3.Connection, path: Path, writer: Lock) -> None:
    """Copy a database into a new file, and read the copy before it gets its name.

    The writer lock is held while pages are copied, not while they are synced and read.

    Raises:
        Refused: The path exists.
        StoreUnavailable: It can't be written, or is not what was written.
    """
    with _whole_or_absent(path) as building:
        with writer:
            copy_pages(source, building, path)
        sync_file(building)
        _read_back(building, path)


def stream(source: sqlite3.Connection, path: Path, writer: Lock, target: BinaryIO) -> None:
    """Write a database to a stream, once a copy of it was read back.

    Args:
        source: The database, open.
        path: Its path.
        writer: The writer lock, held while pages are copied.
        target: The stream.

    Raises:
        StoreUnavailable: It can't be copied, or the copy is not what was written.
    """
    with _unfinished(path, clean=True) as building:
        with writer:
            copy_pages(source, building, path)
        _read_back(building, path)
        with building.open("rb") as file:
            copyfileobj(file, target)


def copy_to_file(source: sqlite3.Connection, path: Path) -> None:
    """Copy a database into a new file, durably.

    Raises:
        Refused: The path exists.
        StoreUnavailable: It can't be written.
    """
    with _whole_or_absent(path) as building:
        copy_pages(source, building, path)
        sync_file(building)


def copy_pages(source: sqlite3.Connection, path: Path, about: Path | None = None) -> None:
    """Copy a database's pages into a file that nobody else has open, without a sync.

    In one step: a copy in several begins again whenever somebody writes, and may never end.

    Args:
        source: The database, open.
        path: The file.
        about: What errors are about, if not that file.
    """
    with translated(about or path), closing(_plain(path)) as target:
        copy(source, target)


@contextmanager
def private_copy(
    source: sqlite3.Connection, path: Path, writer: Callable[[], Lock]
) -> Iterator[sqlite3.Connection]:
    """A private copy of a database, open, for work that takes long.

    Others wait only while its pages are copied, under the writer lock and without a sync.

    Args:
        source: The database, open.
        path: Its path; the copy is made beside it.
        writer: Gives the writer lock.

    Raises:
        StoreUnavailable: There is no room for it.
    """
    with _unfinished(path) as building:
        with writer():
            copy_pages(source, building, path)
        with translated(path), closing(_plain(building)) as copied:
            yield copied


def copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Write one open database over another, in one step, whole or not at all.

    Raises:
        sqlite3.Error: It can't be done, or another process holds one of them after SQLite has
            waited. Python alone would try for ever, with the writer lock held.
    """

    def give_up_if_busy(status: int, _remaining: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorname = "SQLITE_BUSY"
            raise error

    source.backup(target, progress=give_up_if_busy)


def is_sound(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether SQLite finds every page and index of a database intact.

    Raises:
        StoreUnavailable: It can't be checked: another process holds it, or a disk fails.
    """
    try:
        with translated(path):
            connection.execute(_CACHE)
            return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except StoreUnavailable as error:
        if error.fault in (Fault.DAMAGED, Fault.NOT_A_STORE):
            return False
        raise


@contextmanager
def soundness(connection: sqlite3.Connection, path: Path) -> Iterator[Callable[[], bool]]:
    """The same in a thread: SQLite works without the interpreter's lock.

    Gives a function that waits for the answer. If it is not called, nobody waits.
    """
    with ThreadPoolExecutor(1, initializer=_block_signals) as pool:
        try:
            looking = pool.submit(is_sound, connection, path)
        except RuntimeError:  # a limit on processes
            yield lambda: is_sound(connection, path)
            return
        try:
            yield looking.result
        finally:
            connection.interrupt()


def _block_signals() -> None:
    """Leave every signal to the main thread, which defers them while it holds a lock."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def write_without_syncs(connection: sqlite3.Connection) -> None:
    """Write without syncs and journal: the file counts only once it is whole."""
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF").fetchall()


@contextmanager
def _unfinished(path: Path, *, clean: bool = False) -> Iterator[Path]:
    """A file beside a path that is gone afterwards, unless it was renamed.

    Those of killed processes are removed before, if `clean`.
    """
    building = unfinished_name(path)
    try:
        if clean:
            remove_leftovers(path.parent)
        with held_file(building):
            yield building
    except OSError as error:
        raise from_os(error, path) from None


@contextmanager
def _whole_or_absent(path: Path) -> Iterator[Path]:
    """A file that gets this path once it is whole, and is gone otherwise."""
    try:
        with _unfinished(path, clean=True) as building:
            yield building
            try:
                give_name(building, path)
            except FileExistsError:
                raise Refused(Rule.FILE_EXISTS, str(path)) from None
        sync_folder(path.parent)
    except OSError as error:
        raise from_os(error, path) from None


def _plain(path: Path) -> sqlite3.Connection:
    """A connection without journal, syncs and locks."""
    connection = _connect(f"{path.absolute().as_uri()}?nolock=1")
    write_without_syncs(connection)
    return connection


def _read_back(copy: Path, path: Path) -> None:
    """Raise StoreUnavailable about a path unless the finished copy is a sound store."""
    uri = f"{copy.absolute().as_uri()}?mode=ro&nolock=1"
    with suppress(StoreUnavailable), translated(path), closing(_connect(uri)) as connection:
        schema_version(connection, path)
        if is_sound(connection, path):
            return
    raise StoreUnavailable(Fault.IO, path, "what was read back is not what was written")


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
