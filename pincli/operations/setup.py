"""`init`: a store and its keys, both or neither."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from pincli.errors import KeysUnavailable, Refused, Rule, StoreUnavailable, Unavailable
from pincli.models import Fault, Identity, Origin
from pincli.store.opening import upkeep_of
from pincli.store.sealing import Sealers
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import ALL_FILES, Keyring, create_keys

_OPEN_TO_OTHERS = 0o077


def initialise(store_folder: Path, keys_folder: Path, *, origin: Origin) -> None:
    """Make a store and its keys.

    Raises:
        Refused: There is a store or a key already, or the keys would lie with the database.
        StoreUnavailable: The store can't be written; what was made is removed again.
        KeysUnavailable: The keys can't; likewise.
    """
    store_folder, keys_folder = store_folder.absolute(), keys_folder.absolute()
    _require_apart(store_folder, keys_folder)
    upkeep = upkeep_of(store_folder, keys_folder)
    if upkeep.exists():
        raise Refused(Rule.STORE_EXISTS, str(store_folder))
    for name in ALL_FILES:
        if os.path.lexists(keys_folder / name):
            raise Refused(Rule.KEYS_EXIST, str(keys_folder / name))
    made_folders: list[Path] = []
    keyring: Keyring | None = None
    try:
        made_folders += _private_folder(store_folder, StoreUnavailable)
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
    except BaseException:
        if keyring is not None:
            for name in ALL_FILES:
                (keys_folder / name).unlink(missing_ok=True)
        _remove_empty(made_folders)
        raise


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
