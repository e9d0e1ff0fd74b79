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


def back_up(source: sqlite3.Connection, path: Path, writer: AbstractContextManager[None]) -> None:
    """Copy a database into a new file, and read the copy before it has its name.

    Args:
        source: The database, open.
        path: The file to write.
        writer: The writer lock, held while pages are copied, and not while they are synced
            and read.

    Raises:
        Refused: There is something at that path.
        StoreUnavailable: It can't be written, or is not what was written.
    """
    with _whole_or_absent(path) as building:
        with writer:
            _fill(building, source, path)
        sync_file(building)
        _read_back(building, path)


def stream(
    source: sqlite3.Connection,
    path: Path,
    writer: AbstractContextManager[None],
    target: BinaryIO,
) -> None:
    """Write a database to a stream. A copy is made and read back first.

    Args:
        source: The database, open.
        path: Its path.
        writer: The writer lock, held while pages are copied.
        target: Where to write it; its errors are its own.

    Raises:
        StoreUnavailable: It can't be copied, or the copy is not what was written.
    """
    building = unfinished_name(path)
    try:
        remove_leftovers(path.parent)
        with held_file(building):
            with writer:
                _fill(building, source, path)
            _read_back(building, path)
            with building.open("rb") as file:
                copyfileobj(file, target)
    except OSError as error:
        raise from_os(error, path) from None


def copy_to_file(source: sqlite3.Connection, path: Path) -> None:
    """Copy a database into a new file, durable when this returns.

    Raises:
        Refused: There is something at that path.
        StoreUnavailable: It can't be written.
    """
    with _whole_or_absent(path) as building:
        _fill(building, source, path)
        sync_file(building)


def copy_pages(source: sqlite3.Connection, path: Path) -> None:
    """Copy a database's pages into a file that nobody else has, without a sync."""
    _fill(path, source, path)


@contextmanager
def private_copy(
    source: sqlite3.Connection, path: Path, writer: Callable[[], AbstractContextManager[None]]
) -> Iterator[sqlite3.Connection]:
    """A private copy of a database, open, and gone afterwards.

    Its pages are copied under the writer lock and not synced, so that others wait for a
    moment; what takes long is then done to the copy.

    Args:
        source: The database, open.
        path: Its path; the copy is made beside it.
        writer: Gives the writer lock.

    Raises:
        StoreUnavailable: There is no room for it.
    """
    building = unfinished_name(path)
    try:
        with held_file(building):
            with writer():
                _fill(building, source, path)
            with translated(path), closing(_plain(building)) as copied:
                yield copied
    except OSError as error:
        raise from_os(error, path) from None


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


@contextmanager
def soundness(connection: sqlite3.Connection, path: Path) -> Iterator[Callable[[], bool]]:
    """The same in a thread of its own: SQLite looks without the interpreter's lock.

    Gives what waits for the answer. Whoever leaves without it doesn't wait for it.
    """
    with ThreadPoolExecutor(1, initializer=_take_no_signals) as pool:
        try:
            looking = pool.submit(is_sound, connection, path)
        except RuntimeError:  # a limit on processes
            yield lambda: is_sound(connection, path)
            return
        try:
            yield looking.result
        finally:
            connection.interrupt()


def _take_no_signals() -> None:
    """Leave every signal to the main thread, which puts them off while it holds a lock."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def leave_syncing_for_the_end(connection: sqlite3.Connection) -> None:
    """Write a file that counts only once it is whole: no sync, no way back but to remove it."""
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF").fetchall()


@contextmanager
def _whole_or_absent(path: Path) -> Iterator[Path]:
    """Under which name a file is built that gets its own once it is whole."""
    building = unfinished_name(path)
    try:
        remove_leftovers(path.parent)
        with held_file(building):
            yield building
            give_name(building, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise Refused(Rule.FILE_EXISTS, str(path)) from None
    except OSError as error:
        raise from_os(error, path) from None


def _fill(building: Path, source: sqlite3.Connection, path: Path) -> None:
    """Copy in one step: one in several restarts whenever somebody writes, and may never end."""
    with translated(path), closing(_plain(building)) as target:
        copy(source, target)


def _plain(path: Path) -> sqlite3.Connection:
    """A connection without journal, syncs and locks: the file counts only once it is whole."""
    connection = _connect(f"{path.absolute().as_uri()}?nolock=1")
    leave_syncing_for_the_end(connection)
    return connection


def _read_back(copy: Path, path: Path) -> None:
    """Raise StoreUnavailable, about a path, unless the finished copy is a sound store."""
    uri = f"{copy.absolute().as_uri()}?mode=ro&nolock=1"
    with suppress(StoreUnavailable), translated(path), closing(_connect(uri)) as connection:
        schema_version(connection, path)
        if is_sound(connection, path):
            return
    raise StoreUnavailable(Fault.IO, path, "what was read back is not what was written")


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
