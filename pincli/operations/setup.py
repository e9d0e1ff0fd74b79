"""`init`: make a store and its keys, both or neither."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pincli.errors import KeysUnavailable, Refused, Rule, StoreUnavailable, Unavailable
from pincli.models import Fault, Identity, Origin
from pincli.operations.session import sealers_of
from pincli.store.location import Location, Server
from pincli.store.opening import upkeep_of
from pincli.store.upkeep import Upkeep
from pincli.vault.keyring import ALL_FILES, Keyring, create_keys

_OPEN_TO_OTHERS = 0o077


def initialise(
    location: Location, keys_folder: Path, *, marks: Path | None = None, origin: Origin
) -> None:
    """Make a store and its keys; on a server, only what a DBA has not made already.

    Raises:
        Refused: There is a store or a key already, or one folder would be inside the other.
        StoreUnavailable: The store can't be written. All is removed again, but not the keys if
            a server may have made the store.
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
            sealers=sealers_of(keyring),
            origin=origin,
        )
    except BaseException as error:
        if isinstance(location, Server) and not isinstance(error, Refused) and _may_exist(upkeep):
            raise  # the commit may have succeeded: these may be the store's keys
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


def _require_apart(store_folder: Path, keys_folder: Path) -> None:
    """Refuse one folder inside the other: a copy of it would contain both."""
    store, keys = store_folder.resolve(), keys_folder.resolve()
    if store == keys or store in keys.parents or keys in store.parents:
        raise Refused(Rule.KEYS_BESIDE_STORE, str(keys_folder))


def _private_folder(folder: Path, unavailable: type[Unavailable]) -> list[Path]:
    """Make a folder that only its owner can enter; return every folder that was made."""
    made = []
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        if not missing and not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        for each in reversed(missing):
            try:
                each.mkdir(mode=0o700)
            except FileExistsError:
                continue  # by another init at the same moment
            made.append(each)
        if not missing and stat.S_IMODE(folder.stat().st_mode) & _OPEN_TO_OTHERS:
            # An empty folder is ours to close; one with files may be in use by others.
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
