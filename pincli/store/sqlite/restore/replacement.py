"""Putting a database in the store's place, and keeping what was there under another name."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

from pincli.errors import Refused, Rule
from pincli.files import give_name, sync_file, sync_folder
from pincli.store.sqlite.connection import connect
from pincli.store.sqlite.copies import copy, copy_to_file
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.temporary_files import ASIDE, holding, leftovers

_JOURNALS = ("-journal", "-wal", "-shm")


def replace(connection: sqlite3.Connection, path: Path) -> Path:
    """Write a database over the present store, page by page; return where that was put aside.

    Over it, not in its place by a rename: open desks go on with the file that they have open.
    """
    with closing(connect(path)) as present:
        for unfinished in leftovers(path.parent, ASIDE):
            _keep(unfinished)  # of a killed restore, which may have replaced the store
        aside = _free_name(path, "before-restore")
        unfinished = aside.with_name(aside.name + ASIDE)
        copy_to_file(present, unfinished)
        with holding(unfinished):
            try:
                with translated(path):
                    copy(connection, present)
            except BaseException:
                unfinished.unlink(missing_ok=True)  # nothing was replaced
                raise
            return _keep(unfinished)


def place(database: Path, path: Path) -> Path | None:
    """Make a database the store where none can be read; return where the old one was put."""
    aside = _put_aside(path)
    try:
        sync_file(database)
        give_name(database, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise Refused(Rule.STORE_EXISTS, str(path)) from None
    except OSError as error:
        raise from_os(error, path) from None
    return aside


def put_journals_aside(database: Path, aside: Path | None = None) -> Path | None:
    """Rename the journals of a database that is not there.

    SQLite would take an old journal for that of the next database with this name, and write
    the journal's pages over the new ones.

    Args:
        database: The name that they belong to.
        aside: The database's new name, if it has one.

    Returns:
        The new name of one of them; None if there was none.

    Raises:
        StoreUnavailable: One can't be renamed.
    """
    moved = None
    for journal in _journals(database):
        if os.path.lexists(journal):
            aside = aside or _free_name(database, "lost")
            moved = aside.with_name(aside.name + journal.name.removeprefix(database.name))
            try:
                journal.rename(moved)
            except OSError as error:
                raise from_os(error, journal) from None
    try:
        sync_folder(database.parent)
    except OSError as error:
        raise from_os(error, database.parent) from None
    return moved


def _put_aside(database: Path) -> Path | None:
    """Rename a database that can't be used, and its journals.

    The database first: without its journal it could be taken for a whole one.
    """
    if not os.path.lexists(database):
        return put_journals_aside(database)
    aside = _free_name(database, "damaged")
    try:
        database.rename(aside)
    except OSError as error:
        raise from_os(error, database) from None
    put_journals_aside(database, aside)
    return aside


def _free_name(database: Path, what: str) -> Path:
    """A name that nothing has yet, such as pincli.db.damaged-20261124T120000Z."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in count():
        suffix = f"-{number}" if number else ""
        path = database.with_name(f"{database.name}.{what}-{stamp}{suffix}")
        if not any(os.path.lexists(each) for each in (path, *_journals(path))):
            return path
    raise AssertionError("there is always another number")


def _journals(database: Path) -> list[Path]:
    return [database.with_name(database.name + suffix) for suffix in _JOURNALS]


def _keep(unfinished: Path) -> Path:
    """Give a database that was put aside its final name, if possible; return its name."""
    aside = unfinished.with_name(unfinished.name.removesuffix(ASIDE))
    try:
        give_name(unfinished, aside)
    except OSError:
        return unfinished
    with suppress(OSError):
        sync_folder(aside.parent)
    return aside
