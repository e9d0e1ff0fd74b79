"""Backing the store up, and bringing a backup back."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from pincli.errors import (
    BackupRefused,
    BackupUnavailable,
    FileUnreadable,
    Refused,
    Rule,
    StoreUnavailable,
)
from pincli.models import Fault
from pincli.operations.places import require_elsewhere
from pincli.operations.session import Need, Session, open_session, utc_now
from pincli.operations.trail import check_chain
from pincli.results import Restored
from pincli.store.connection import DATABASE, connect, schema_version
from pincli.store.copies import copy_rows, is_sound
from pincli.store.faults import from_os
from pincli.store.leftovers import held_folder, remove_leftovers, unfinished_name
from pincli.store.locks import LOCK_FILE, Locks, make_lock_file
from pincli.store.remains import put_aside
from pincli.store.restoring import Restorer, place
from pincli.store.transaction import Identity, Origin
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.keyring import AUDIT_KEY, PORTAL_PUBLIC, VERIFY_KEY, Keyring, rotated_name

_OF_ITS_OWN = (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED, Fault.NEWER)
"""Faults of a copy that it has from the backup itself."""
_NO_PLACE = (Fault.MISSING, Fault.FORBIDDEN, Fault.READ_ONLY)
"""Faults of a file to be, which another name would not have."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def back_up(session: Session, path: Path, *, forbidden: tuple[Path, ...]) -> int:
    """Copy the store into a new file, 0600; agents wait for one file copy.

    Args:
        session: The open store.
        path: The file to be.
        forbidden: Folders that it may not lie in.

    Returns:
        Its size in bytes.

    Raises:
        FileUnreadable: No file can be made there.
        Refused: There is a file, or it would lie with the store or the keys, or in a folder
            of others.
        StoreUnavailable: It can't be written, as the disk is full; or the store can't be read.
    """
    require_nameable(path)
    if not path.name:
        raise FileUnreadable(f"{path}: that is no file's name")
    require_elsewhere(path, forbidden)
    _require_own_folder(path.absolute().parent)
    try:
        session.store.back_up(path)
    except StoreUnavailable as error:
        if error.path == path and error.fault in _NO_PLACE:
            raise FileUnreadable(f"{path}: {error.detail}") from None
        raise
    return path.stat().st_size


def _require_own_folder(folder: Path) -> None:
    """Refuse a folder in which others could put another file in the backup's place."""
    try:
        facts = folder.stat()
    except OSError:
        return  # writing there says what is wrong
    if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & _WRITABLE_BY_OTHERS:
        raise Refused(Rule.FOLDER_OF_OTHERS, str(folder))


def restore(backup: Path, store_folder: Path, keys_folder: Path, *, origin: Origin) -> Restored:
    """Bring a backup back without undoing security that came after it.

    Everything about the backup is checked, in a store of our own made of its rows, before the
    present one is touched. PINs stay only if nothing has happened since: where both trails
    have the same head. Else all are withdrawn, and each user keeps the stricter of both
    records. The trail is the backup's.

    Args:
        backup: The file.
        store_folder: Where the store is, or was.
        keys_folder: Where the keys are.
        origin: Who acts, and by which command.

    Raises:
        BackupRefused: The backup is damaged or was tampered with.
        BackupUnavailable: It can't be read, or is none.
        FileUnreadable: That can be no file's name.
        Refused: It is of another store.
        StoreUnavailable: The store can't be written, or can't be looked at now.
        KeysUnavailable: A key that it needs is missing.
    """
    with _candidate(backup, store_folder) as candidate:
        checked = _check(candidate, backup, keys_folder, origin)
        while True:
            if _is_usable(store_folder / DATABASE):
                return _restore_over(candidate, store_folder, keys_folder, origin, checked)
            restored = _restore_alone(candidate, store_folder, keys_folder, origin, checked)
            if restored is not None:
                return restored


def require_nameable(path: Path) -> None:
    """Raise FileUnreadable for what leads nowhere: too long, a NUL in it, links in a circle."""
    try:
        path.stat()
    except ValueError:
        raise FileUnreadable("that is no file's name") from None
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise FileUnreadable(f"{path}: {error.strerror}") from None


@contextmanager
def _candidate(backup: Path, store_folder: Path) -> Iterator[Path]:
    """A folder with the rows of a backup in a store of our own, gone afterwards.

    Within the store's own folder, for that store may get its name there.
    """
    _require_file(backup)
    made = not store_folder.exists()
    folder = unfinished_name(store_folder / DATABASE)
    with ExitStack() as stack:
        try:
            store_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            remove_leftovers(store_folder)
            stack.enter_context(held_folder(folder))
        except OSError as error:
            if store_folder.is_dir():
                raise from_os(error, folder) from None
            raise StoreUnavailable(Fault.NOT_MADE, store_folder, error.strerror or "") from None
        try:
            _take_rows(backup, folder / DATABASE)
            make_lock_file(folder)
            yield folder
        finally:
            stack.close()
            if made:
                with suppress(OSError):
                    store_folder.rmdir()  # only if it is empty


def _take_rows(backup: Path, candidate: Path) -> None:
    """Check a backup's pages and its schema's version, and copy its rows."""
    try:
        with closing(connect(backup, read_only=True)) as connection:
            schema_version(connection, backup)
            if not is_sound(connection, backup):
                raise BackupRefused("its pages are damaged")
        copy_rows(backup, candidate)
    except StoreUnavailable as error:
        # The candidate is new: what is wrong with rows in it, they have from the backup.
        of_backup = error.path == backup or error.fault in _OF_ITS_OWN
        raise (_about(backup, error) if of_backup else error) from None


def _require_file(backup: Path) -> None:
    """Raise unless there is a plain file of that name: a pipe could be waited for for ever."""
    require_nameable(backup)
    try:
        facts = backup.stat()
    except OSError as error:
        raise _about(backup, from_os(error, backup)) from None
    if not stat.S_ISREG(facts.st_mode):
        raise BackupUnavailable(Fault.NOT_A_STORE, backup)


def _about(backup: Path, error: StoreUnavailable) -> BackupUnavailable:
    return BackupUnavailable(error.fault, backup, error.detail)


class _Checked(NamedTuple):
    """What is known of a backup that can be trusted.

    Attributes:
        reason: What the restore's event says of it.
        identity: What it says of itself.
    """

    reason: str
    identity: Identity


def _check(candidate: Path, backup: Path, keys_folder: Path, origin: Origin) -> _Checked:
    """Check keys and trail of a backup.

    A record that is not as the trail says does not spoil it: its PIN is withdrawn.
    """
    needs = frozenset({Need.CHECK})
    try:
        with open_session(candidate, keys_folder, origin=origin, needs=needs) as session:
            identity = session.store.identity
            session.keyring.find(VERIFY_KEY, identity.verify_key)
            session.keyring.find(PORTAL_PUBLIC, identity.portal_key)
            report = check_chain(session, None)
    except StoreUnavailable as error:
        if error.fault in _OF_ITS_OWN:
            raise _about(backup, error) from None
        raise
    if report.finding is not None:
        raise BackupRefused(report.finding)
    return _Checked(f"backup of {report.events} events", identity)


def _is_usable(database: Path) -> bool:
    """Whether there is a store that can be read: what came after the backup is in it.

    Raises:
        StoreUnavailable: It can't be told: it is held, may not be opened, or is newer.
    """
    try:
        with closing(connect(database)) as connection:
            schema_version(connection, database)
            return is_sound(connection, database)
    except StoreUnavailable as error:
        if error.fault in (Fault.MISSING, Fault.NOT_A_STORE, Fault.DAMAGED):
            return False
        raise


def _restore_over(
    candidate: Path, store_folder: Path, keys_folder: Path, origin: Origin, checked: _Checked
) -> Restored:
    """Restore over a store that goes on being used."""
    needs = frozenset({Need.WRITE})
    with (
        open_session(store_folder, keys_folder, origin=origin, needs=needs) as session,
        session.store.maintained(),
    ):
        keys = _keys_since(session.keyring, checked.identity)
        return session.store.replace_with(candidate / DATABASE, reason=checked.reason, keys=keys)


def _restore_alone(
    candidate: Path, store_folder: Path, keys_folder: Path, origin: Origin, checked: _Checked
) -> Restored | None:
    """Restore where there is no store, or none that can be read: that one is moved aside.

    Returns:
        What was done; None if somebody else had restored it by the time it was our turn.
    """
    make_lock_file(store_folder)
    with (
        closing(Locks(store_folder / LOCK_FILE)) as locks,
        locks.maintenance(),
        locks.writer(),
    ):
        if _is_usable(store_folder / DATABASE):
            return None
        keyring = Keyring(keys_folder)
        restorer = Restorer(
            lambda fingerprint: AuditSigner(keyring.find(AUDIT_KEY, fingerprint)),
            origin,
            utc_now(),
            checked.reason,
            _keys_since(keyring, checked.identity),
        )
        aside = put_aside(store_folder / DATABASE)
        return place(candidate / DATABASE, store_folder, restorer, aside)


def _keys_since(keyring: Keyring, identity: Identity) -> dict[str, str]:
    """The keys that were rotated into use since the backup, by kind: the old stay retired.

    A key that was rotated into use has its usual name only. One that a rotation was about to
    replace, when it was killed, lies under its fingerprint too.
    """
    since = {}
    for kind, name, named in (
        ("verify", VERIFY_KEY, identity.verify_key),
        ("portal", PORTAL_PUBLIC, identity.portal_key),
        ("audit", AUDIT_KEY, identity.audit_key),
    ):
        usual = keyring.present(name).fingerprint
        if usual != named and not (keyring.folder / rotated_name(name, usual)).exists():
            since[kind] = usual
    return since
