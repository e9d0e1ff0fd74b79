"""The four keys, read from their folder when first needed and kept for the process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pincli.errors import Fault, KeysUnavailable
from pincli.vault.framing import fingerprint
from pincli.vault.key_files import KEY_BYTES, read_key, write_key

VERIFY_KEY = "verify.key"
AUDIT_KEY = "audit.key"
PORTAL_PUBLIC = "portal.pub"
PORTAL_PRIVATE = "portal.key"
ALL_FILES = (VERIFY_KEY, AUDIT_KEY, PORTAL_PUBLIC, PORTAL_PRIVATE)


class Key(NamedTuple):
    """A key and the name that the store knows it by; its repr shows the name alone."""

    raw: bytes
    fingerprint: str

    def __repr__(self) -> str:
        return f"Key({self.fingerprint!r})"


class Keyring:
    """The keys in one folder.

    Each is read at its first use: a desk host needs no portal.key, and a command that only
    reads the store needs no key at all. Reading one raises KeysUnavailable when it is
    missing, malformed or not safely kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def verify(self) -> Key:
        """The key that new verifiers are made with."""
        return self._read(VERIFY_KEY)

    @property
    def verify_keys(self) -> Mapping[str, Key]:
        """Every key that verifiers can be checked with, by fingerprint."""
        return {self.verify.fingerprint: self.verify}

    @cached_property
    def audit(self) -> Key:
        """The key of the audit trail's macs."""
        return self._read(AUDIT_KEY)

    @cached_property
    def portal_public(self) -> Key:
        """The X25519 key that PINs are sealed to."""
        return self._read(PORTAL_PUBLIC)

    @cached_property
    def portal_private(self) -> Key:
        """The private half, under the fingerprint of the public one that belongs to it."""
        raw = read_key(self.folder / PORTAL_PRIVATE)
        public = _public_half(raw)
        return Key(raw, fingerprint(PORTAL_PUBLIC, public))

    def reload_verify(self) -> None:
        """Forget the verify key, so that the next use reads the file again."""
        self.__dict__.pop("verify", None)

    def _read(self, name: str) -> Key:
        raw = read_key(self.folder / name)
        return Key(raw, fingerprint(name, raw))


def require_match(key: Key, expected: str, path: Path) -> None:
    """Raise KeysUnavailable unless a key is the one that the store was made with."""
    if key.fingerprint != expected:
        raise KeysUnavailable(
            Fault.MISMATCH, path, f"the store expects {expected}, this is {key.fingerprint}"
        )


def create_keys(folder: Path) -> Keyring:
    """Make all four keys in a folder that exists and has none of them.

    Raises:
        Refused: One of the files exists; those that this call made are removed again.
        KeysUnavailable: One can't be written; likewise.
    """
    import secrets

    portal_private = secrets.token_bytes(KEY_BYTES)
    contents = {
        VERIFY_KEY: secrets.token_bytes(KEY_BYTES),
        AUDIT_KEY: secrets.token_bytes(KEY_BYTES),
        PORTAL_PUBLIC: _public_half(portal_private),
        PORTAL_PRIVATE: portal_private,
    }
    made: list[Path] = []
    try:
        for name, raw in contents.items():
            write_key(folder / name, raw)
            made.append(folder / name)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    return Keyring(folder)


def _public_half(raw: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
