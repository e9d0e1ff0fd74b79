"""Putting a checked copy of a backup in the place of a store."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from pincli.errors import Refused, Rule
from pincli.results import Restored
from pincli.store.connection import DATABASE, connect
from pincli.store.copies import copy_to_file
from pincli.store.faults import translated
from pincli.store.locks import LOCK_FILE
from pincli.store.merging import Merged, merge, record_restored, same_store, withdraw_all
from pincli.store.transaction import Origin, Signer, Transaction, read_identity


def replace(
    present: sqlite3.Connection,
    path: Path,
    candidate: Path,
    aside: Path,
    *,
    signer: Signer,
    origin: Origin,
    at: str,
    reason: str,
) -> Restored:
    """Merge a candidate with the present store, and write it over that, page by page.

    Over it, not in its place by a rename: open desks go on with what they have open. The
    caller holds the writer lock.

    Args:
        present: The store's connection.
        path: The store's database.
        candidate: A private copy of the backup, checked.
        aside: Where the replaced store is kept.
        signer: Signs the events.
        origin: Who acts, and by which command.
        at: The time, ISO 8601, UTC.
        reason: What the event says.

    Raises:
        Refused: The backup is of another store.
        StoreUnavailable: It can't be done; the present store is as it was.
    """
    with closing(connect(candidate)) as connection:
        with translated(candidate):
            connection.execute("ATTACH ? AS present", (f"{path.absolute().as_uri()}?mode=ro",))
            if not same_store(connection):
                raise Refused(Rule.ANOTHER_STORE, str(path))
        copy_to_file(present, aside)
        with translated(candidate):
            connection.execute("BEGIN")
            merged = merge(connection)
            changed = _record(connection, signer, origin, at, reason)
            connection.execute("COMMIT")
            connection.execute("DETACH present")
        with translated(path):
            connection.backup(present)
    return _restored(merged, changed, str(aside))


def place(
    candidate: Path, folder: Path, *, signer: Signer, origin: Origin, at: str, reason: str
) -> Restored:
    """Make a checked copy of a backup the store of a folder that has none.

    Every PIN in it is withdrawn: nothing here tells which were withdrawn since.

    Raises:
        Refused: There is a store now.
        StoreUnavailable: It can't be written.
    """
    with closing(connect(candidate)) as connection, translated(candidate):
        connection.execute("BEGIN IMMEDIATE")
        merged = withdraw_all(connection)
        changed = _record(connection, signer, origin, at, reason)
        connection.execute("COMMIT")
    os.close(os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    try:
        os.link(candidate, folder / DATABASE)
    except FileExistsError:
        raise Refused(Rule.STORE_EXISTS, str(folder / DATABASE)) from None
    return _restored(merged, changed, None)


def _record(
    connection: sqlite3.Connection, signer: Signer, origin: Origin, at: str, reason: str
) -> int:
    identity = read_identity(connection)
    if identity is None or identity.audit_key != signer.fingerprint:
        raise RuntimeError("the audit key is not the one of the merged store")
    return record_restored(Transaction(connection, identity, signer, origin, at), reason)


def _restored(merged: Merged, changed: int, aside: str | None) -> Restored:
    return Restored(
        withdrawn=merged.withdrawn,
        kept_users=merged.kept_users,
        kept_events=merged.kept_events,
        changed=changed,
        aside=aside,
    )
