"""Replacing a key by a new one, so that a kill at any moment loses neither.

First both are written under their fingerprints. Then the store names the new one. Then the new
one gets the usual name. Meanwhile any process finds either by its fingerprint.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import NamedTuple

from pincli.errors import KeysUnavailable
from pincli.models import Fault
from pincli.vault.key_files import KEY_BYTES, changing, read_key, sync_names, write_content
from pincli.vault.keyring import (
    COMPROMISED,
    PORTAL_PRIVATE,
    PORTAL_PUBLIC,
    Key,
    Keyring,
    named_key,
    public_half,
    rotated_name,
)

PORTAL_PAIR = (PORTAL_PUBLIC, PORTAL_PRIVATE)
"""Their files are replaced together."""
_UNFINISHED = ".new"


class NewKeys(NamedTuple):
    """Keys on disk that nothing uses yet.

    Attributes:
        fingerprint: The one that the store is to name.
        files: For each file name, the key that is to be there.
    """

    fingerprint: str
    files: dict[str, Key]


def prepare_keys(keyring: Keyring, names: tuple[str, ...]) -> NewKeys:
    """Make new keys, and keep the present ones under their fingerprints too.

    Args:
        keyring: The keys as they are.
        names: The files to be replaced; the two portal files are a pair.
    """
    raw = secrets.token_bytes(KEY_BYTES)
    files = {}
    for name in names:
        content = public_half(raw) if name == PORTAL_PUBLIC else raw
        new = named_key(name, content)
        old = keyring.present(name)
        usual = keyring.folder / name
        _keep(keyring.folder / rotated_name(name, old.fingerprint), old, of_age=usual)
        _keep(keyring.folder / rotated_name(name, new.fingerprint), new)
        files[name] = new
    sync_names(keyring.folder)
    return NewKeys(new.fingerprint, files)


def _keep(path: Path, key: Key, *, of_age: Path | None = None) -> None:
    """Write a key under its fingerprint, whole or not at all; half of one is replaced.

    A killed rotation may have left an empty file there. If that counted as the key, the only
    good copy would be overwritten. A copy of the file `of_age` is as old as that file.
    """
    try:
        if read_key(path) == key.raw:
            return
    except KeysUnavailable as error:
        if error.fault not in (Fault.MISSING, Fault.MALFORMED):
            raise
    building = path.with_name(f"{path.name}{_UNFINISHED}")
    with changing(path):
        building.unlink(missing_ok=True)
        write_content(building, key.raw)
        if of_age is not None:
            made = of_age.stat().st_mtime_ns
            os.utime(building, ns=(made, made))
        building.replace(path)


def install_keys(keyring: Keyring, keys: NewKeys) -> None:
    """Give the new keys the usual names, once the store says that they count."""
    for name, new in keys.files.items():
        path = keyring.folder / rotated_name(name, new.fingerprint)
        with changing(path):
            path.replace(keyring.folder / name)
    sync_names(keyring.folder)


def set_aside(keyring: Keyring, name: str) -> None:
    """Rename every key that was rotated away, so that it is not loaded any more."""
    for path in keyring.on_disk(name)[1:]:
        with changing(path):
            path.replace(path.with_suffix(COMPROMISED))
    sync_names(keyring.folder)


def tidy_names(keyring: Keyring, expected: dict[str, str]) -> None:
    """Finish a rotation that was killed: the key that the store names gets the usual name.

    Unfinished files are removed: nothing will ever use their keys.

    Args:
        keyring: The keys; the caller keeps other rotations out.
        expected: The fingerprint that the store names, by file name.
    """
    for name, fingerprint in expected.items():
        path = keyring.folder / rotated_name(name, fingerprint)
        with changing(path):
            for unfinished in keyring.folder.glob(rotated_name(name, "*") + _UNFINISHED):
                unfinished.unlink(missing_ok=True)
            if path.exists() and keyring.present(name).fingerprint != fingerprint:
                path.replace(keyring.folder / name)
