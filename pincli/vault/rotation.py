"""Putting a new key in the place of another, so that a kill at any moment loses neither.

First both lie under their fingerprints. Then the store says which one counts. Then the new
one takes the place of the old. Whoever looks meanwhile finds either by its fingerprint.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import NamedTuple

from pincli.errors import Fault, KeysUnavailable
from pincli.vault.key_files import KEY_BYTES, read_key, write_key
from pincli.vault.keyring import (
    PORTAL_PRIVATE,
    PORTAL_PUBLIC,
    Key,
    Keyring,
    named_key,
    public_half,
    rotated_name,
)


class NewKeys(NamedTuple):
    """Keys on disk that nothing uses yet.

    Attributes:
        fingerprint: The one that the store is to name.
        files: For each file name, the key that is to be there, and the one that is now.
    """

    fingerprint: str
    files: dict[str, tuple[Key, Key]]


def prepare_keys(keyring: Keyring, names: tuple[str, ...]) -> NewKeys:
    """Make new keys, and keep the present ones under their fingerprints too.

    Args:
        keyring: The keys as they are.
        names: The files to be replaced; the two portal files are a pair.

    Raises:
        KeysUnavailable: A present key can't be read, or a new one can't be written.
    """
    raw = secrets.token_bytes(KEY_BYTES)
    files = {}
    for name in names:
        content = public_half(raw) if name == PORTAL_PUBLIC else raw
        new = named_key(name, content)
        old = keyring.present(name)
        for key in (old, new):
            _keep(keyring.folder / rotated_name(name, key.fingerprint), key)
        files[name] = (new, old)
    _sync(keyring.folder)
    return NewKeys(next(iter(files.values()))[0].fingerprint, files)


def _keep(path: Path, key: Key) -> None:
    """Write a key under its fingerprint, whole or not at all; half of one is replaced.

    A killed rotation may have left an empty file there. Taken for the key, it would let the
    only good copy be overwritten.
    """
    try:
        if read_key(path) == key.raw:
            return
    except KeysUnavailable as error:
        if error.fault not in (Fault.MISSING, Fault.MALFORMED):
            raise
    building = path.with_name(f"{path.name}.new")
    building.unlink(missing_ok=True)
    write_key(building, key.raw)
    building.replace(path)


def install_keys(keyring: Keyring, keys: NewKeys) -> None:
    """Give the new keys the usual names, once the store says that they count."""
    for name, (new, _) in keys.files.items():
        (keyring.folder / rotated_name(name, new.fingerprint)).replace(keyring.folder / name)
    _sync(keyring.folder)


def tidy_names(keyring: Keyring, expected: dict[str, str]) -> None:
    """Finish what a kill left: each file's usual name belongs to the key that counts."""
    for name, fingerprint in expected.items():
        path = keyring.folder / rotated_name(name, fingerprint)
        if path.exists() and keyring.present(name).fingerprint != fingerprint:
            path.replace(keyring.folder / name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


PORTAL_PAIR = (PORTAL_PUBLIC, PORTAL_PRIVATE)
