"""Backing the store up, and bringing a backup back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pincli.errors import BackupRefused, Fault, FileUnreadable, Refused, Rule, StoreUnavailable
from pincli.operations.session import Need, Session, open_session, utc_now
from pincli.operations.trail import check_trail
from pincli.results import Restored
from pincli.store.connection import DATABASE, connect
from pincli.store.copies import copy_from_file, is_sound
from pincli.store.faults import from_os
from pincli.store.restoring import place
from pincli.store.transaction import Origin
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.keyring import PORTAL_PUBLIC, VERIFY_KEY


def back_up(session: Session, path: Path, *, forbidden: tuple[Path, ...]) -> int:
    """Copy the store into a new file, 0600; agents wait for one file copy.

    Args:
        session: The open store.
        path: The file to be.
        forbidden: Folders that it may not lie in.

    Returns:
        Its size in bytes.

    Raises:
        Refused: There is a file, or it would lie with the store or the keys.
        StoreUnavailable: It can't be written.
    """
    if not path.name:
        raise FileUnreadable(f"{path}: that is no file's name")
    require_elsewhere(path, forbidden)
    session.store.back_up(path)
    return path.stat().st_size


def restore(backup: Path, store_folder: Path, keys_folder: Path, *, origin: Origin) -> Restored:
    """Bring a backup back without undoing security that came after it.

    Everything about the backup is checked on a private copy before the store is touched.

    Args:
        backup: The file.
        store_folder: Where the store is, or was.
        keys_folder: Where the keys are.
        origin: Who acts, and by which command.

    Raises:
        BackupRefused: The backup is damaged or was tampered with.
        Refused: It is of another store.
        StoreUnavailable: It can't be read, or the store can't be written.
        KeysUnavailable: A key that it needs is missing.
    """
    with _candidate(backup, store_folder) as candidate:
        reason = _check(candidate, store_folder, keys_folder, origin)
        if _is_usable(store_folder / DATABASE):
            with (
                open_session(
                    store_folder, keys_folder, origin=origin, needs=frozenset({Need.WRITE})
                ) as session,
                session.store.maintained(),
            ):
                aside = store_folder / f"{DATABASE}.before-restore-{_stamp()}"
                return session.store.replace_with(candidate, aside, reason=reason)
        return _restore_alone(candidate, store_folder, keys_folder, origin, reason)


def require_elsewhere(path: Path, forbidden: tuple[Path, ...]) -> None:
    """Raise Refused if a file would lie in one of these folders."""
    parents = path.absolute().resolve().parents
    if any(folder.resolve() in parents for folder in forbidden):
        raise Refused(Rule.FILE_AMONG_SECRETS, str(path))


@contextmanager
def _candidate(backup: Path, store_folder: Path) -> Iterator[Path]:
    """A private copy of the backup in the store's folder, gone afterwards."""
    candidate = store_folder / f"{DATABASE}.candidate-{os.getpid()}"
    try:
        backup.stat()
        store_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os(error, backup) from None
    try:
        copy_from_file(backup, candidate)
        yield candidate
    finally:
        candidate.unlink(missing_ok=True)


def _check(candidate: Path, store_folder: Path, keys_folder: Path, origin: Origin) -> str:
    """Check integrity, schema, keys and trail of a backup; what it is, for the event."""
    with closing(connect(candidate)) as connection:
        if not is_sound(connection, candidate):
            raise BackupRefused("its pages are damaged")
    with open_session(
        store_folder,
        keys_folder,
        origin=origin,
        needs=frozenset({Need.CHECK}),
        database=candidate.name,
    ) as session:
        identity = session.store.identity
        session.keyring.find(VERIFY_KEY, identity.verify_key)
        session.keyring.find(PORTAL_PUBLIC, identity.portal_key)
        report = check_trail(session, None)
    if report.finding is not None:
        raise BackupRefused(report.finding)
    return f"backup of {report.events} events"


def _is_usable(database: Path) -> bool:
    """Whether there is a store that can be read: what came after the backup is in it."""
    try:
        with closing(connect(database)) as connection:
            return is_sound(connection, database)
    except StoreUnavailable as error:
        if error.fault in (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED):
            return False
        raise


def _restore_alone(
    candidate: Path, store_folder: Path, keys_folder: Path, origin: Origin, reason: str
) -> Restored:
    """Restore where there is no store, or none that can be read: that one is moved aside."""
    database = store_folder / DATABASE
    aside = None
    if os.path.lexists(database):
        aside = store_folder / f"{DATABASE}.damaged-{_stamp()}"
        database.rename(aside)
    with open_session(
        store_folder,
        keys_folder,
        origin=origin,
        needs=frozenset({Need.CHECK}),
        database=candidate.name,
    ) as session:
        signer = AuditSigner(session.keyring.audit)
    restored = place(
        candidate, store_folder, signer=signer, origin=origin, at=utc_now(), reason=reason
    )
    return restored._replace(aside=None if aside is None else str(aside))


def _stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
