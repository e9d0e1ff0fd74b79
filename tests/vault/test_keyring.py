"""The keyring: four keys, each read when it is needed, each under its own name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import KeysUnavailable
from pincli.models import Fault
from pincli.vault.key_files import write_key
from pincli.vault.keyring import ALL_FILES, Key, Keyring, create_keys, fingerprint


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """Fresh keys."""
    return create_keys(tmp_path)


def test_all_four_files_are_made(keyring: Keyring) -> None:
    """The folder has exactly the four files of DESIGN.md, readable only by their owner."""
    modes = {path.name: path.stat().st_mode & 0o777 for path in keyring.folder.iterdir()}
    assert modes == dict.fromkeys(("verify.key", "audit.key", "portal.pub", "portal.key"), 0o600)
    assert set(ALL_FILES) == set(modes)


def test_every_key_is_another(tmp_path: Path) -> None:
    """No two files, and no two runs of init, share a key."""
    keys = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        create_keys(tmp_path / name)
        keys |= {path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert len(keys) == 8


def test_the_portal_halves_belong_together(keyring: Keyring) -> None:
    """Both halves carry the public one's fingerprint, and the halves really fit."""
    private = X25519PrivateKey.from_private_bytes(keyring.portal_private.raw)
    assert private.public_key().public_bytes_raw() == keyring.portal_public.raw
    assert keyring.portal_private.fingerprint == keyring.portal_public.fingerprint
    assert keyring.portal_public.fingerprint == fingerprint("portal.pub", keyring.portal_public.raw)


def test_a_foreign_private_half_has_another_name(keyring: Keyring, tmp_path: Path) -> None:
    """A portal.key that does not belong to portal.pub is noticed by its fingerprint."""
    (tmp_path / "portal.key").unlink()
    write_key(tmp_path / "portal.key", bytes(range(32)))
    fresh = Keyring(tmp_path)
    assert fresh.portal_private.fingerprint != fresh.portal_public.fingerprint
    assert fresh.portal_public == keyring.portal_public


@pytest.mark.parametrize("absent", ["verify.key", "audit.key", "portal.pub", "portal.key"])
def test_a_key_is_read_only_when_it_is_needed(keyring: Keyring, absent: str) -> None:
    """A host without portal.key can verify: only the key that is asked for must be there."""
    attributes = {
        "verify.key": "verify",
        "audit.key": "audit",
        "portal.pub": "portal_public",
        "portal.key": "portal_private",
    }
    (keyring.folder / absent).unlink()
    for name, attribute in attributes.items():
        if name == absent:
            with pytest.raises(KeysUnavailable) as refusal:
                getattr(keyring, attribute)
            assert refusal.value.fault is Fault.MISSING
            assert refusal.value.path == keyring.folder / absent
        else:
            assert isinstance(getattr(keyring, attribute), Key)


def rotate_by_hand(folder: Path, raw: bytes) -> tuple[Key, Key]:
    """Replace the verify key; the old one stays under its fingerprint."""
    old = Keyring(folder).verify
    (folder / "verify.key").rename(folder / f"verify-{old.fingerprint}.key")
    write_key(folder / "verify.key", raw)
    return old, Key(raw, fingerprint("verify.key", raw))


def test_a_key_once_read_is_kept(keyring: Keyring) -> None:
    """A process keeps the key it began with, even if the file changes."""
    before = keyring.verify
    rotate_by_hand(keyring.folder, bytes(range(32)))
    assert keyring.verify is before
    assert dict(keyring.verify_keys) == {before.fingerprint: before}


def test_a_newer_key_is_loaded_beside_the_one_that_is_there(keyring: Keyring) -> None:
    """Verifiers from before and after a rotation can both be checked."""
    assert keyring.verify_keys
    old, new = rotate_by_hand(keyring.folder, bytes(range(32)))
    keyring.load_verify(new.fingerprint)
    assert dict(keyring.verify_keys) == {old.fingerprint: old, new.fingerprint: new}


def test_an_older_key_is_found_under_its_fingerprint(keyring: Keyring) -> None:
    """A rotated key still serves the verifiers that it made."""
    old, new = rotate_by_hand(keyring.folder, bytes(range(32)))
    fresh = Keyring(keyring.folder)
    assert fresh.verify == new
    assert fresh.find("verify.key", old.fingerprint) == old
    assert fresh.find("verify.key", new.fingerprint) == new
    fresh.load_verify(old.fingerprint)
    assert dict(fresh.verify_keys) == {old.fingerprint: old, new.fingerprint: new}


def test_a_key_under_another_s_fingerprint_is_refused(keyring: Keyring) -> None:
    """A key's fingerprint must be the one in its file name."""
    old, _ = rotate_by_hand(keyring.folder, bytes(range(32)))
    path = keyring.folder / f"verify-{old.fingerprint}.key"
    path.unlink()
    write_key(path, bytes(32))
    with pytest.raises(KeysUnavailable) as refusal:
        Keyring(keyring.folder).find("verify.key", old.fingerprint)
    assert refusal.value.fault is Fault.MISMATCH
    assert refusal.value.path == path


@pytest.mark.parametrize("name", ["verify.key", "audit.key", "portal.pub", "portal.key"])
def test_a_key_that_the_store_does_not_know_is_named_by_fingerprints(
    keyring: Keyring, name: str
) -> None:
    """The error says which key it is and which it should be, and holds neither."""
    own = {
        "verify.key": keyring.verify,
        "audit.key": keyring.audit,
        "portal.pub": keyring.portal_public,
        "portal.key": keyring.portal_private,
    }[name]
    keyring.require(name, own.fingerprint)
    with pytest.raises(KeysUnavailable) as refusal:
        keyring.require(name, "0123456789abcdef")
    assert refusal.value.fault is Fault.MISMATCH
    assert refusal.value.path == keyring.folder / name
    assert "0123456789abcdef" in refusal.value.detail
    assert own.fingerprint in refusal.value.detail
    assert own.raw.hex() not in repr(refusal.value)


def test_the_store_s_word_decides_which_key_is_used(keyring: Keyring) -> None:
    """Between a rotation's commit and its renaming, the key that the store names is used."""
    old, new = rotate_by_hand(keyring.folder, bytes(range(32)))
    fresh = Keyring(keyring.folder)
    fresh.require("verify.key", old.fingerprint)
    assert fresh.verify == old
    assert Keyring(keyring.folder).verify == new


def test_fingerprints_are_sixteen_characters_of_sha_256() -> None:
    """Anybody can compute a fingerprint with SHA-256."""
    purpose, key = b"verify.key", bytes(range(32))
    message = b"".join(
        len(part).to_bytes(8, "big") + part for part in (b"pincli/v1/fingerprint", purpose, key)
    )
    assert fingerprint(purpose.decode(), key) == hashlib.sha256(message).hexdigest()[:16]


@given(st.binary(min_size=32, max_size=32))
def test_a_key_has_another_name_for_every_purpose(key: bytes) -> None:
    """The same bytes as verify.key and as audit.key have two names, which don't show them."""
    names = {fingerprint(purpose, key) for purpose in ("verify.key", "audit.key", "portal.pub")}
    assert len(names) == 3
    assert all(name not in key.hex() for name in names)
