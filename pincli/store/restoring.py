"""Putting a checked copy of a backup in the place of a store."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from pincli.errors import Refused, Rule
from pincli.models import EventKind
from pincli.results import Restored
from pincli.rules.states import ATTEMPTS_ALLOWED
from pincli.store.attempts import abandon, lock_on_sixth
from pincli.store.merging import Merged, merge, same_store, withdraw_all
from pincli.store.rotation import name_key
from pincli.store.sqlite.connection import DATABASE, connect
from pincli.store.sqlite.copies import copy, copy_to_file
from pincli.store.sqlite.errors import from_os, translated
from pincli.store.sqlite.remains import free_name, sync_folder
from pincli.store.transaction import NewEvent, Origin, Signer, Transaction, read_identity

_CHUNK = 2000


def replace(
    present: sqlite3.Connection,
    path: Path,
    candidate: Path,
    *,
    find_signer: Callable[[str], Signer],
    origin: Origin,
    at: str,
    reason: str,
) -> Restored:
    """Merge a candidate with the present store, and write it over that, page by page.

    Over it, not in its place by a rename: open desks go on with what they have open. The
    caller holds the writer lock.

    Args:
        present: The store's connection.
        path: The store's database; the replaced one is kept beside it.
        candidate: A private copy of the backup, checked.
        find_signer: Gives who signs with the key of a fingerprint.
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
        aside = free_name(path, "before-restore")
        copy_to_file(present, aside)
        try:
            with translated(candidate):
                connection.execute("BEGIN")
                merged = merge(connection)
                changed = _record(_transaction(connection, find_signer, origin, at), reason)
                connection.execute("COMMIT")
                connection.execute("DETACH present")
        except BaseException:
            aside.unlink(missing_ok=True)  # nothing was replaced
            raise
        with translated(path):
            copy(connection, present)
    return _restored(merged, changed, aside)


def place(
    candidate: Path,
    folder: Path,
    *,
    find_signer: Callable[[str], Signer],
    keys: Mapping[str, str],
    origin: Origin,
    at: str,
    reason: str,
    aside: Path | None,
) -> Restored:
    """Make a checked copy of a backup the store of a folder that has none.

    Every PIN in it is withdrawn: nothing here tells which were withdrawn since.

    Args:
        candidate: A private copy of the backup, checked, on the folder's file system.
        folder: The store's folder; the caller holds its writer lock.
        find_signer: Gives who signs with the key of a fingerprint.
        keys: By kind, the keys that count from now on, where the backup names others.
        origin: Who acts, and by which command.
        at: The time, ISO 8601, UTC.
        reason: What the event says.
        aside: Where what lay there was put.

    Raises:
        Refused: There is a store now.
        StoreUnavailable: It can't be written.
    """
    with closing(connect(candidate)) as connection, translated(candidate):
        connection.execute("BEGIN IMMEDIATE")
        merged = withdraw_all(connection)
        transaction = _transaction(connection, find_signer, origin, at)
        changed = _record(transaction, reason)
        _abandon_all(transaction)
        for kind, fingerprint in keys.items():
            name_key(transaction, kind, fingerprint)
            transaction = _transaction(connection, find_signer, origin, at)
        connection.execute("COMMIT")
    try:
        os.link(candidate, folder / DATABASE)
    except FileExistsError:
        raise Refused(Rule.STORE_EXISTS, str(folder / DATABASE)) from None
    except OSError as error:
        raise from_os(error, folder / DATABASE) from None
    sync_folder(folder)
    return _restored(merged, changed, aside)


def _transaction(
    connection: sqlite3.Connection, find_signer: Callable[[str], Signer], origin: Origin, at: str
) -> Transaction:
    identity = read_identity(connection)
    if identity is None:
        raise RuntimeError("a backup without an identity was taken for a checked one")
    return Transaction(connection, identity, find_signer(identity.audit_key), origin, at)


def _record(transaction: Transaction, reason: str) -> int:
    """Record the restore, and every user whose record is not as their last event says.

    Returns:
        How many users that are.
    """
    transaction.record(EventKind.RESTORED, reason=reason)
    last, found = 0, 0
    while True:
        rows = transaction.connection.execute(
            "SELECT u.id FROM users u LEFT JOIN events e ON e.seq = "
            "(SELECT max(seq) FROM events WHERE user = u.user AND pin_version IS NOT NULL) "
            "WHERE u.id > ? AND (u.pin_version, u.failed_attempts) IS NOT "
            "(e.pin_version, e.attempts_used) ORDER BY u.id LIMIT ?",
            (last, _CHUNK),
        ).fetchall()
        if not rows:
            break
        users = transaction.users([row for (row,) in rows])
        transaction.record_all(
            NewEvent(EventKind.RESTORED, user, outcome="record") for user in users
        )
        last, found = rows[-1][0], found + len(rows)
    _lock_the_rest(transaction)
    return found


def _abandon_all(transaction: Transaction) -> None:
    """Close the attempts that were in flight when the backup was made: their owners are gone."""
    rows = transaction.connection.execute(
        "SELECT id FROM users WHERE open_attempt IS NOT NULL"
    ).fetchall()
    for (row,) in rows:
        abandon(transaction, row)


def _lock_the_rest(transaction: Transaction) -> None:
    """Lock, with all that goes with it, whose sixth attempt nobody will settle any more."""
    rows = transaction.connection.execute(
        "SELECT id FROM users WHERE failed_attempts = ? AND locked_since IS NULL "
        "AND open_attempt IS NULL",
        (ATTEMPTS_ALLOWED,),
    ).fetchall()
    for (row,) in rows:
        lock_on_sixth(transaction, row)


def _restored(merged: Merged, changed: int, aside: Path | None) -> Restored:
    return Restored(
        withdrawn=merged.withdrawn,
        kept_users=merged.kept_users,
        kept_events=merged.kept_events,
        changed=changed,
        aside=None if aside is None else str(aside),
        left_out=merged.left_out,
    )
