"""Making a new store, whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from pincli.errors import Refused, Rule, StoreUnavailable
from pincli.files import sync_folder
from pincli.models import EventKind, Head, Identity, NewEvent, Origin
from pincli.rules.canonical import first_link
from pincli.store.mark import Mark, Seen, place_of
from pincli.store.sealing import Sealers
from pincli.store.sqlite.connection import DATABASE, connect, utc_now
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.lockfile import LOCK_FILE, make_lock_file
from pincli.store.sqlite.restore.replacement import put_journals_aside
from pincli.store.sqlite.transaction import SqliteTransaction

_SUFFIX = ".new"


def create_store(
    folder: Path,
    marks: Path,
    identity: Identity,
    *,
    sealers: Sealers,
    origin: Origin,
) -> None:
    """Make database and lock file in a folder that has neither.

    The database is built under another name and linked into place once it is complete: a killed
    init leaves no half-made store, and of two inits at once one is refused.

    Raises:
        Refused: There is a store already; it is left as it is.
        StoreUnavailable: It can't be written; what was made is removed.
    """
    database, lock_file = folder / DATABASE, folder / LOCK_FILE
    building = folder / f"{DATABASE}.{os.getpid()}{_SUFFIX}"
    made: list[Path] = [building]
    try:
        if database.exists() or database.is_symlink():
            raise Refused(Rule.STORE_EXISTS, str(database))
        _remove([building])  # of a killed init with the same process id
        head = _build(building, identity, sealers=sealers, origin=origin)
        if make_lock_file(folder):
            made.append(lock_file)
        put_journals_aside(database)
        mark = _marked(marks, identity, Seen(*head, 0, place_of(database)))
        if mark is not None:
            made.append(mark)
        try:
            os.link(building, database)
        except FileExistsError:
            made = [each for each in (building, mark) if each]  # the lock file is the winner's
            raise Refused(Rule.STORE_EXISTS, str(database)) from None
        made.append(database)
        building.unlink()
        sync_folder(folder)
    except OSError as error:
        _remove(made)
        raise from_os(error, database) from None
    except BaseException:
        _remove(made)
        raise


def _build(path: Path, identity: Identity, *, sealers: Sealers, origin: Origin) -> Head:
    from pincli.store.sqlite.migrations import migrate

    connection = connect(path, create=True)
    try:
        with translated(path):
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection)
            for table in ("store", "users", "events"):
                connection.execute(f"DROP TABLE old_{table}")
            write_store(connection, identity, sealers, before=())
            transaction = SqliteTransaction(connection, path, sealers=sealers, origin=origin)
            transaction.save([NewEvent(EventKind.INITIALISED, outcome=identity.audit_key)])
            connection.execute("COMMIT")
            return transaction.head
    finally:
        connection.close()


def _marked(folder: Path, identity: Identity, seen: Seen) -> Path | None:
    """Write this host's mark before the store is there; None if no mark can be kept."""
    try:
        mark = Mark.make(folder, bytes.fromhex(identity.store_id))
    except StoreUnavailable:
        return None
    if mark is None:
        return None
    mark.write(seen)
    mark.close()
    return mark.path


def write_store(
    connection: sqlite3.Connection,
    identity: Identity,
    sealers: Sealers,
    *,
    before: tuple[bytes, ...],
    number: int = 0,
    created_at: str | None = None,
) -> None:
    """Write the store's own row, with the sealed start of its trail.

    Args:
        connection: In a transaction, with the tables of schema 2.
        identity: The store's id, and the keys that count.
        sealers: Seal the start.
        before: What the first link begins with, after the store's id.
        number: The number of the last event before the trail.
        created_at: When the store was made; None for now.
    """
    link = first_link(identity.store_id, *before)
    seal = sealers.of(identity.audit_key).seal_trail(identity.store_id, number, link)
    columns = "id, store_id, created_at, verify_key, audit_key, portal_key, start_number"
    connection.execute(
        f"INSERT INTO store ({columns}, start_link, start_seal) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
        (identity.store_id, created_at or utc_now(), *identity[1:], number, link, seal),
    )


def _remove(paths: list[Path]) -> None:
    for path in paths:
        for leftover in (path, path.with_name(path.name + "-journal")):
            leftover.unlink(missing_ok=True)
