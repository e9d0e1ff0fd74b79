"""Backing up the store, and restoring a backup."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pincli.errors import BackupRefused, FileUnreadable, StoreUnavailable, UsageProblem
from pincli.models import Fault, Identity, Origin
from pincli.operations.named_files import own_folder, require_elsewhere, require_nameable
from pincli.operations.session import Session, sealers_of
from pincli.operations.trail_check import check_chain
from pincli.operations.upgrade import upgrade
from pincli.results import Restored
from pincli.rules.replay import Course
from pincli.store.contract import Store
from pincli.store.location import Location, Server
from pincli.store.opening import upkeep_of
from pincli.store.steps.keys import name_key
from pincli.store.upkeep import Restorer
from pincli.vault.answers import Answers
from pincli.vault.keyring import AUDIT_KEY, PORTAL_PUBLIC, VERIFY_KEY, Keyring, rotated_name

_NO_PLACE = (Fault.MISSING, Fault.FORBIDDEN, Fault.READ_ONLY)
"""Faults of the path, so that another path may work."""


def back_up(location: Location, marks: Path, path: Path, *, forbidden: tuple[Path, ...]) -> int:
    """Copy the store into a new file, 0600, and return its size; agents wait for one file copy.

    Raises:
        FileUnreadable: No file can be made there.
        Refused: The file exists, or its folder is forbidden or belongs to others.
        StoreUnavailable: The disk is full, or the store can't be read.
        UsageProblem: The store is on a server.
    """
    _require_no_server(location)
    require_nameable(path)
    if not path.name:
        raise FileUnreadable(f"{path}: not a file name")
    require_elsewhere(path, forbidden)
    # From here on use the real path: anyone could exchange a link on the way.
    real = own_folder(path.parent) / path.name
    require_elsewhere(path, forbidden, real=real)
    try:
        upkeep_of(location, marks).back_up(real)
    except StoreUnavailable as error:
        if error.path == real and error.fault in _NO_PLACE:
            raise FileUnreadable(f"{path}: {error.detail}") from None
        raise
    return real.stat().st_size


def stream_backup(location: Location, marks: Path, stream: BinaryIO) -> None:
    """Write a checked copy of the store to a stream.

    Raises:
        OutputUnavailable: The stream doesn't accept all of it.
        StoreUnavailable: The store can't be read, or its disk has no room for a copy.
        UsageProblem: The store is on a server.
    """
    _require_no_server(location)
    upkeep_of(location, marks).stream(stream)


def _require_no_server(location: Location) -> None:
    if isinstance(location, Server):
        raise UsageProblem(
            "a database on a server is not backed up by pincli",
            "back it up as its DBA does, by pg_dump or by a base backup and WAL archiving; keep a"
            " copy of the keys apart from it",
        )


def restore(
    backup: Path | BinaryIO | None,
    location: Location,
    keys_folder: Path,
    *,
    marks: Path | None = None,
    origin: Origin,
) -> Restored:
    """Restore a file or stream, or accept the present store, without undoing security.

    The present store is accepted, with `backup` None, after it was moved or rolled back, or its
    records or schema were changed behind the trail.

    PINs stay only if nothing has happened since: this host's mark, the backup and the present
    store have the same head. Otherwise all PINs are withdrawn, and each user keeps the stricter
    of both records. The trail is the backup's.

    Raises:
        BackupRefused: Its pages or its trail are damaged or were tampered with.
        BackupUnavailable: It can't be read, or is not a backup.
        Refused: It belongs to another store.
        StoreUnavailable: The store can't be written, or can't be read now.
    """
    if isinstance(backup, Path):
        require_nameable(backup)
    keyring = Keyring(keys_folder)
    restorer = Restorer(
        upgrade=lambda folder, uid_of: upgrade(folder, keys_folder, origin=origin, uid_of=uid_of),
        check=partial(_check, keyring),
        sealers=sealers_of(keyring),
        keys_since=partial(_keys_since, keyring),
        name_key=name_key,
        origin=origin,
    )
    return upkeep_of(location, marks or keys_folder).restore(backup, restorer)


def require_folder(location: Location) -> None:
    """Raise UsageProblem if a file would be restored over a server's database."""
    if isinstance(location, Server):
        raise UsageProblem(
            "a file can't be restored over a database on a server",
            "let its DBA bring the database back; then `pincli restore`, without a file, takes"
            " it in",
        )


def _check(keyring: Keyring, store: Store) -> Mapping[bytes, Course]:
    """Check the keys and trail of a store to restore; a wrong record only loses its PIN."""
    identity = store.identity()
    keyring.require(AUDIT_KEY, identity.audit_key)
    if identity.verify_key not in (key.fingerprint for key in keyring.compromised(VERIFY_KEY)):
        keyring.find(VERIFY_KEY, identity.verify_key)  # otherwise all PINs are withdrawn anyway
    keyring.find(PORTAL_PUBLIC, identity.portal_key)
    session = Session(store, keyring, Answers(), identity, writable=False, left_out=[])
    courses, finding = check_chain(session)
    if finding is not None:
        raise BackupRefused(finding)
    return courses


def _keys_since(keyring: Keyring, identity: Identity) -> dict[str, str]:
    """Return the keys that were rotated into use since the backup, by kind.

    Such a key has its usual name only. A key that a killed rotation was about to replace also
    has a file named by its fingerprint.
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
