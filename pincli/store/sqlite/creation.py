"""Making a new store: all of it, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

from pincli.errors import Refused, Rule
from pincli.files import sync_folder
from pincli.models import EventKind, Identity, NewEvent, Origin
from pincli.store.contract import Signer
from pincli.store.sqlite.connection import DATABASE, connect, utc_now
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.lockfile import LOCK_FILE, make_lock_file
from pincli.store.sqlite.remains import put_journals_aside
from pincli.store.sqlite.transaction import SqliteTransaction

_SUFFIX = ".new"


def create_store(
    folder: Path,
    identity: Identity,
    *,
    signer: Signer,
    origin: Origin,
) -> None:
    """Make database and lock file in a folder that has neither.

    The database is built under another name and linked into place complete, so that a
    killed init leaves no half-made store, and of two at once one is refused.

    Raises:
        Refused: There is a store already; it is left as it is.
        StoreUnavailable: It can't be written; what was made is removed again.
    """
    database, lock_file = folder / DATABASE, folder / LOCK_FILE
    building = folder / f"{DATABASE}.{os.getpid()}{_SUFFIX}"
    made: list[Path] = [building]
    try:
        if database.exists() or database.is_symlink():
            raise Refused(Rule.STORE_EXISTS, str(database))
        _remove([building])  # of a killed init that had our number
        _build(building, identity, signer=signer, origin=origin)
        if make_lock_file(folder):
            made.append(lock_file)
        put_journals_aside(database)
        try:
            os.link(building, database)
        except FileExistsError:
            made = [building]  # the lock file is the winner's
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


def _build(path: Path, identity: Identity, *, signer: Signer, origin: Origin) -> None:
    from pincli.store.sqlite.schema import migrate

    connection = connect(path, create=True)
    try:
        with translated(path):
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection)
            now = utc_now()
            connection.execute(
                "INSERT INTO store (id, store_id, created_at, verify_key, audit_key, portal_key) "
                "VALUES (1, ?, ?, ?, ?, ?)",
                (
                    identity.store_id,
                    now,
                    identity.verify_key,
                    identity.audit_key,
                    identity.portal_key,
                ),
            )
            transaction = SqliteTransaction(
                connection, identity=identity, signer=signer, origin=origin, at=now
            )
            transaction.save([NewEvent(EventKind.INITIALISED, outcome=identity.audit_key)])
            connection.execute("COMMIT")
    finally:
        connection.close()


def _remove(paths: list[Path]) -> None:
    for path in paths:
        for leftover in (path, path.with_name(path.name + "-journal")):
            leftover.unlink(missing_ok=True)
