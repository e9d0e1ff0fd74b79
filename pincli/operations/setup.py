"""`init`: a store and its keys, both or neither."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pincli.errors import KeysUnavailable, Refused, Rule, StoreUnavailable, Unavailable
from pincli.models import Fault, Identity, Origin
from pincli.store.contract import Upkeep
from pincli.store.location import Location, Server
from pincli.store.opening import upkeep_of
from pincli.store.sealing import Sealers
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import ALL_FILES, Keyring, create_keys

_OPEN_TO_OTHERS = 0o077


def initialise(
    location: Location, keys_folder: Path, *, marks: Path | None = None, origin: Origin
) -> None:
    """Make a store and its keys.

    On a server it makes what its login may make, and what a DBA has not made already.

    Args:
        location: Where the store is to be.
        keys_folder: Where the keys are to be.
        marks: The folder of this host's mark, if it is not that of the keys.
        origin: Who does it.

    Raises:
        Refused: There is a store or a key already, or the keys would lie with the database.
        StoreUnavailable: The store can't be written; what was made is removed again, except
            for the keys where nobody knows whether a server has made the store.
        KeysUnavailable: The keys can't; likewise.
    """
    keys_folder = keys_folder.absolute()
    if not isinstance(location, Server):
        location = location.absolute()
        _require_apart(location, keys_folder)
    upkeep = upkeep_of(location, marks or keys_folder)
    if upkeep.exists():
        raise Refused(Rule.STORE_EXISTS, str(location))
    for name in ALL_FILES:
        if os.path.lexists(keys_folder / name):
            raise Refused(Rule.KEYS_EXIST, str(keys_folder / name))
    made_folders: list[Path] = []
    keyring: Keyring | None = None
    try:
        if not isinstance(location, Server):
            made_folders += _private_folder(location, StoreUnavailable)
        made_folders += _private_folder(keys_folder, KeysUnavailable)
        keyring = create_keys(keys_folder)
        upkeep.create(
            Identity(
                store_id=os.urandom(16).hex(),
                verify_key=keyring.verify.fingerprint,
                audit_key=keyring.audit.fingerprint,
                portal_key=keyring.portal_public.fingerprint,
            ),
            sealers=_sealers(keyring),
            origin=origin,
        )
    except BaseException as error:
        if isinstance(location, Server) and not isinstance(error, Refused) and _may_exist(upkeep):
            raise  # its commit's answer was lost, perhaps: these may be the keys of the store
        if keyring is not None:
            for name in ALL_FILES:
                (keys_folder / name).unlink(missing_ok=True)
        _remove_empty(made_folders)
        raise


def _may_exist(upkeep: Upkeep) -> bool:
    try:
        return upkeep.exists()
    except StoreUnavailable:
        return True


def _sealers(keyring: Keyring) -> Sealers:
    sealer = AuditSealer(keyring.audit)
    return Sealers(sealer, lambda _: sealer, lambda: [sealer])


def _require_apart(store_folder: Path, keys_folder: Path) -> None:
    """A copy of the one folder must not carry the other along."""
    store, keys = store_folder.resolve(), keys_folder.resolve()
    if store == keys or store in keys.parents or keys in store.parents:
        raise Refused(Rule.KEYS_BESIDE_STORE, str(keys_folder))


def _private_folder(folder: Path, unavailable: type[Unavailable]) -> list[Path]:
    """Make a folder that only its owner can enter; the folders that had to be made for it."""
    made = []
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        if not missing and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        for each in reversed(missing):
            try:
                each.mkdir(mode=0o700)
            except FileExistsError:
                continue  # somebody else's init, at the same moment
            made.append(each)
        if not missing and stat.S_IMODE(folder.stat().st_mode) & _OPEN_TO_OTHERS:
            # An empty one is ours to close; one with files in it may have other users.
            if any(folder.iterdir()):
                raise unavailable(Fault.EXPOSED, folder)
            folder.chmod(0o700)
    except OSError as error:
        _remove_empty(made)
        raise unavailable(Fault.NOT_MADE, folder, error.strerror or "") from None
    return made


def _remove_empty(folders: list[Path]) -> None:
    for folder in reversed(folders):
        try:
            folder.rmdir()
        except OSError:
            return
