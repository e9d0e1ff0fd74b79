"""The four keys, read from their folder when first needed and kept for the process."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pincli.errors import KeysUnavailable
from pincli.models import Fault
from pincli.rules.canonical import framed
from pincli.vault.key_files import KEY_BYTES, read_key, write_key

VERIFY_KEY = "verify.key"
AUDIT_KEY = "audit.key"
PORTAL_PUBLIC = "portal.pub"
PORTAL_PRIVATE = "portal.key"
COMPROMISED = ".compromised"
"""The ending of a key's file that others may have read."""

_FINGERPRINT_CHARACTERS = 16

_ATTRIBUTES = {
    VERIFY_KEY: "verify",
    AUDIT_KEY: "audit",
    PORTAL_PUBLIC: "portal_public",
    PORTAL_PRIVATE: "portal_private",
}
ALL_FILES = tuple(_ATTRIBUTES)


def fingerprint(purpose: str, key: bytes) -> str:
    """A short name for a key, safe to store and show: 64 bits of SHA-256 over 256 random bits.

    The same bytes used for two purposes have two names.
    """
    message = framed(b"pincli/v1/fingerprint", purpose.encode(), key)
    return hashlib.sha256(message).hexdigest()[:_FINGERPRINT_CHARACTERS]


def is_fingerprint(text: str) -> bool:
    """Whether a text has the form of a key's name."""
    return len(text) == _FINGERPRINT_CHARACTERS and not set(text) - set("0123456789abcdef")


class Key(NamedTuple):
    """A key and the name that the store knows it by; its repr shows the name alone."""

    raw: bytes
    fingerprint: str

    def __repr__(self) -> str:
        return f"Key({self.fingerprint!r})"


class Keyring:
    """The keys in one folder.

    Each is read when it is first needed: a desk host needs no portal.key, and a command that
    only reads the store needs none. A key that was rotated away is kept beside the present one
    under its fingerprint, such as verify-0123456789abcdef.key; so is the new one, between the
    store's commit and its renaming.

    Reading one raises KeysUnavailable if it is missing, malformed or not safely kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verify: dict[str, Key] = {}

    @cached_property
    def verify(self) -> Key:
        """The key that new verifiers are made with."""
        key = self.present(VERIFY_KEY)
        self._verify[key.fingerprint] = key
        return key

    @property
    def verify_keys(self) -> Mapping[str, Key]:
        """The verify keys that are loaded so far, by fingerprint."""
        return {self.verify.fingerprint: self.verify, **self._verify}

    @cached_property
    def audit(self) -> Key:
        """The key of the seals."""
        return self.present(AUDIT_KEY)

    @cached_property
    def portal_public(self) -> Key:
        """The X25519 key that PINs are sealed to."""
        return self.present(PORTAL_PUBLIC)

    @cached_property
    def portal_private(self) -> Key:
        """The private half, under the fingerprint of its public one."""
        return self.present(PORTAL_PRIVATE)

    def require(self, name: str, expected: str) -> None:
        """Use the key that the store expects under a file name.

        Raises:
            KeysUnavailable: Neither the present key nor an older one in the folder is that key.
        """
        attribute = _ATTRIBUTES[name]
        key: Key = getattr(self, attribute)
        if key.fingerprint != expected:
            self.__dict__[attribute] = self.find(name, expected)

    def find(self, name: str, expected: str) -> Key:
        """The key of that fingerprint: the present one, or one that was rotated away."""
        present = self.present(name)
        if present.fingerprint == expected:
            return present
        path = self.folder / rotated_name(name, expected)
        if not path.exists():
            present = self.present(name)  # it may have been renamed since the first look
            if present.fingerprint == expected:
                return present
            was = ", which was compromised" if path.with_suffix(COMPROMISED).exists() else ""
            raise KeysUnavailable(
                Fault.MISMATCH,
                self.folder / name,
                f"the store expects {expected}{was}, this is {present.fingerprint}",
            )
        key = named_key(name, read_key(path))
        if key.fingerprint != expected:
            raise KeysUnavailable(Fault.MISMATCH, path, f"it is {key.fingerprint}")
        return key

    def of(self, name: str, fingerprint: str) -> Key:
        """The key that made something old, a compromised audit key too.

        Raises:
            KeysUnavailable: It is missing, or can't be read; the error names its file.
        """
        for key in self.compromised(name) if name == AUDIT_KEY else ():
            if key.fingerprint == fingerprint:
                return key
        try:
            return self.find(name, fingerprint)
        except KeysUnavailable as error:
            # The present key is sound, but another one.
            if error.fault is Fault.MISMATCH and error.path == self.folder / name:
                path = self.folder / rotated_name(name, fingerprint)
                raise KeysUnavailable(Fault.MISSING, path) from None
            raise

    def load_verify(self, fingerprint: str) -> None:
        """Load another verify key, for a verifier made with an older or a newer one."""
        self._verify[fingerprint] = self.find(VERIFY_KEY, fingerprint)

    def present(self, name: str) -> Key:
        """The key that has a file name now; the store may expect another."""
        return named_key(name, read_key(self.folder / name))

    def valid(self, name: str) -> Iterator[Key]:
        """Every readable key of this kind on disk, the present one first."""
        for path in self.on_disk(name):
            with suppress(KeysUnavailable):
                yield named_key(name, read_key(path))

    def compromised(self, name: str) -> Iterator[Key]:
        """Every key of this kind that was set aside; nothing else loads them."""
        stem, _, _ = name.partition(".")
        for path in sorted(self.folder.glob(f"{stem}-*{COMPROMISED}")):
            with suppress(KeysUnavailable):
                yield named_key(name, read_key(path))

    def on_disk(self, name: str) -> list[Path]:
        """Every file of this kind: the present one first, then those rotated away."""
        stem, _, suffix = name.partition(".")
        return [self.folder / name, *sorted(self.folder.glob(f"{stem}-*.{suffix}"))]


def named_key(name: str, raw: bytes) -> Key:
    """A raw key with its fingerprint; a private portal key has that of its public half."""
    if name == PORTAL_PRIVATE:
        return Key(raw, fingerprint(PORTAL_PUBLIC, public_half(raw)))
    return Key(raw, fingerprint(name, raw))


def rotated_name(name: str, fingerprint: str) -> str:
    """The file name of a key that is not the present one."""
    stem, _, suffix = name.partition(".")
    return f"{stem}-{fingerprint}.{suffix}"


def named_in(name: str, path: Path) -> str:
    """The fingerprint in the file name of a key that is not the present one; else empty."""
    stem, _, suffix = name.partition(".")
    return path.name.removesuffix(f".{suffix}").removeprefix(stem).removeprefix("-")


def create_keys(folder: Path) -> Keyring:
    """Make all four keys in a folder that exists and has none of them.

    Raises:
        Refused: One of the files exists; those that this call made are removed again.
        KeysUnavailable: One can't be written; those that this call made are removed too.
    """
    import secrets

    portal_private = secrets.token_bytes(KEY_BYTES)
    contents = {
        VERIFY_KEY: secrets.token_bytes(KEY_BYTES),
        AUDIT_KEY: secrets.token_bytes(KEY_BYTES),
        PORTAL_PUBLIC: public_half(portal_private),
        PORTAL_PRIVATE: portal_private,
    }
    try:
        for name, raw in contents.items():
            write_key(folder / name, raw)
    except BaseException:
        for name, raw in contents.items():
            _remove_own(folder / name, raw)
        raise
    return Keyring(folder)


def public_half(raw: bytes) -> bytes:
    """The X25519 public key that belongs to a private one, both raw."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


def _remove_own(path: Path, raw: bytes) -> None:
    """Remove a key file if it holds this key: one that was there before holds another."""
    try:
        if read_key(path) == raw:
            path.unlink()
    except KeysUnavailable:
        return
