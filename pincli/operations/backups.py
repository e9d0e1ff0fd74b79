"""Backing the store up, and bringing a backup back."""

from __future__ import annotations

import errno
import os
import stat
from functools import partial
from pathlib import Path

from pincli.errors import BackupRefused, FileUnreadable, Refused, Rule, StoreUnavailable
from pincli.models import Fault, Identity, Origin
from pincli.operations.places import require_elsewhere
from pincli.operations.session import Session
from pincli.operations.trail import check_chain
from pincli.results import Restored
from pincli.store.contract import Restorer, Store
from pincli.store.opening import upkeep_of
from pincli.store.steps.keys import name_key
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.keyring import AUDIT_KEY, PORTAL_PUBLIC, VERIFY_KEY, Keyring, rotated_name
from pincli.vault.verifiers import Verifiers

_NO_PLACE = (Fault.MISSING, Fault.FORBIDDEN, Fault.READ_ONLY)
"""Faults of a file to be, which another name would not have."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def back_up(store_folder: Path, path: Path, *, forbidden: tuple[Path, ...]) -> int:
    """Copy the store into a new file, 0600; agents wait for one file copy.

    Args:
        store_folder: Where the store is.
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
        upkeep_of(store_folder).back_up(path)
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

    PINs stay only if nothing has happened since: where both trails have the same head. Else
    all are withdrawn, and each user keeps the stricter of both records. The trail is the
    backup's.

    Args:
        backup: The file.
        store_folder: Where the store is, or was.
        keys_folder: Where the keys are.
        origin: Who acts, and by which command.

    Raises:
        BackupRefused: The backup is damaged or was tampered with.
        BackupUnavailable: It can't be read, or is not a backup.
        FileUnreadable: That can't be a file's name.
        Refused: It is of another store.
        StoreUnavailable: The store can't be written, or can't be looked at now.
        KeysUnavailable: A key that it needs is missing.
    """
    require_nameable(backup)
    keyring = Keyring(keys_folder)
    restorer = Restorer(
        check=partial(_check, keyring),
        find_signer=lambda fingerprint: AuditSigner(keyring.find(AUDIT_KEY, fingerprint)),
        keys_since=partial(_keys_since, keyring),
        name_key=name_key,
        origin=origin,
    )
    return upkeep_of(store_folder).restore(backup, restorer)


def require_nameable(path: Path) -> None:
    """Raise FileUnreadable for what leads nowhere: too long, a NUL in it, links in a circle."""
    try:
        path.stat()
    except ValueError:
        raise FileUnreadable("that is no file's name") from None
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise FileUnreadable(f"{path}: {error.strerror}") from None


def _check(keyring: Keyring, store: Store) -> str:
    """Check keys and trail of a backup, and say what it is.

    A record that is not as the trail says does not spoil it: its PIN is withdrawn.
    """
    identity = store.identity()
    keyring.require(AUDIT_KEY, identity.audit_key)
    keyring.find(VERIFY_KEY, identity.verify_key)
    keyring.find(PORTAL_PUBLIC, identity.portal_key)
    session = Session(store, keyring, Verifiers(), identity, writable=False)
    report = check_chain(session, None)
    if report.finding is not None:
        raise BackupRefused(report.finding)
    return f"backup of {report.events} events"


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
