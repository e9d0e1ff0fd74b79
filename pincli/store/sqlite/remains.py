"""What a lost or damaged store left in its folder: kept, but out of the next one's way."""

from __future__ import annotations

import os
import time
from itertools import count
from pathlib import Path

from pincli.files import sync_folder
from pincli.store.sqlite.errors import from_os

_JOURNALS = ("-journal", "-wal", "-shm")


def free_name(database: Path, what: str) -> Path:
    """A name beside a database that nothing has yet, such as pincli.db.damaged-20261124T120000Z.

    Args:
        database: The database.
        what: What is going to lie there.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in count():
        suffix = f"-{number}" if number else ""
        path = database.with_name(f"{database.name}.{what}-{stamp}{suffix}")
        if not any(os.path.lexists(each) for each in (path, *_journals(path))):
            return path
    raise AssertionError("there is always another number")


def put_aside(database: Path) -> Path | None:
    """Move a database that can't be used, and its journals, to names of their own.

    The database first: without its journal it could be taken for a whole one.

    Returns:
        Where it lies now, or the journal where there was no database; None if there was
        nothing.

    Raises:
        StoreUnavailable: It can't be moved.
    """
    if not os.path.lexists(database):
        return put_journals_aside(database)
    aside = free_name(database, "damaged")
    try:
        database.rename(aside)
    except OSError as error:
        raise from_os(error, database) from None
    put_journals_aside(database, aside)
    return aside


def put_journals_aside(database: Path, aside: Path | None = None) -> Path | None:
    """Move journals away from where there is no database.

    Whatever database comes there next, SQLite would take an old journal for its own, and
    write the pages in it over the new ones.

    Args:
        database: The name that they belong to.
        aside: The database's new name, if it has one.

    Returns:
        One of them as it is called now; None if there was none.

    Raises:
        StoreUnavailable: One can't be moved.
    """
    moved = None
    for journal in _journals(database):
        if os.path.lexists(journal):
            aside = aside or free_name(database, "lost")
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


def _journals(database: Path) -> list[Path]:
    return [database.with_name(database.name + suffix) for suffix in _JOURNALS]
