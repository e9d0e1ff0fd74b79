"""The files of a rotation: at any moment both keys are found by their fingerprints."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pincli.errors import KeysUnavailable
from pincli.vault.keyring import (
    ALL_FILES,
    PORTAL_PUBLIC,
    VERIFY_KEY,
    Keyring,
    create_keys,
    public_half,
    rotated_name,
)
from pincli.vault.rotation import PORTAL_PAIR, install_keys, prepare_keys, tidy_names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all four keys."""
    tmp_path.chmod(0o700)
    create_keys(tmp_path)
    return tmp_path


def present(folder: Path) -> dict[str, str]:
    """The fingerprint of each key under its usual name."""
    ring = Keyring(folder)
    return {name: ring.present(name).fingerprint for name in ALL_FILES}


@pytest.mark.parametrize("names", [(VERIFY_KEY,), PORTAL_PAIR])
def test_both_keys_are_found_throughout(folder: Path, names: tuple[str, ...]) -> None:
    """Before, between and after the two steps, a new reader gets the old and the new key."""
    old = present(folder)
    new = prepare_keys(Keyring(folder), names)

    def both_found() -> None:
        for name in names:
            for fingerprint in (old[name], new.fingerprint):
                assert Keyring(folder).find(name, fingerprint).fingerprint == fingerprint

    both_found()
    assert present(folder) == old
    install_keys(Keyring(folder), new)
    both_found()
    assert present(folder) == {**old, **dict.fromkeys(names, new.fingerprint)}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())


def test_a_pair_is_a_pair(folder: Path) -> None:
    """The new public key belongs to the new private one."""
    new = prepare_keys(Keyring(folder), PORTAL_PAIR)
    private = Keyring(folder).find("portal.key", new.fingerprint)
    public = Keyring(folder).find(PORTAL_PUBLIC, new.fingerprint)
    assert public_half(private.raw) == public.raw


def test_a_new_key_is_new(folder: Path) -> None:
    """It is never the old one, nor the same twice."""
    keys = [prepare_keys(Keyring(folder), (VERIFY_KEY,)) for _ in range(3)]
    raws = {files[VERIFY_KEY].raw for _, files in keys}
    assert len(raws | {Keyring(folder).verify.raw}) == 4


@pytest.mark.parametrize("step", range(1, 3))
def test_names_are_tidied_after_a_kill(folder: Path, step: int) -> None:
    """If one of a pair was renamed, or none, the rest is renamed, once."""
    new = prepare_keys(Keyring(folder), PORTAL_PAIR)
    for name in PORTAL_PAIR[: step - 1]:
        (folder / rotated_name(name, new.fingerprint)).replace(folder / name)
    expected = {**present(folder), **dict.fromkeys(PORTAL_PAIR, new.fingerprint)}
    tidy_names(Keyring(folder), expected)
    assert present(folder) == expected
    before = {path: path.read_bytes() for path in folder.iterdir()}
    tidy_names(Keyring(folder), expected)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_tidying_does_not_bring_an_old_key_back(folder: Path) -> None:
    """A key that was prepared and never named stays where it is."""
    expected = present(folder)
    new = prepare_keys(Keyring(folder), (VERIFY_KEY,))
    tidy_names(Keyring(folder), expected)
    assert present(folder) == expected
    assert (folder / rotated_name(VERIFY_KEY, new.fingerprint)).exists()


def test_nothing_counts_before_it_is_on_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is synced, and then the folder, before the store may name a new key."""
    synced: list[str] = []
    fsync: Callable[[int], None] = os.fsync

    def syncing(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", syncing)
    new = prepare_keys(Keyring(folder), (VERIFY_KEY,))
    assert synced[-1] == folder.name
    assert len(synced) == 3  # the old one's copy, the new one, the folder
    install_keys(Keyring(folder), new)
    assert synced[-1] == folder.name
    assert len(synced) == 4


def test_what_a_killed_rotation_had_not_finished_is_tidied_away(folder: Path) -> None:
    """Half a key, or a whole one that nothing will use, is removed; the others stay."""
    keyring = Keyring(folder)
    before = sorted(folder.iterdir())
    for content in ("", f"{'a' * 64}\n"):
        path = folder / "verify-0123456789abcdef.key.new"
        path.write_text(content)
        tidy_names(keyring, {VERIFY_KEY: keyring.verify.fingerprint})
        assert sorted(folder.iterdir()) == before


def test_a_key_that_can_t_be_read_is_not_replaced(folder: Path) -> None:
    """If the present key is malformed, no new one is made."""
    (folder / VERIFY_KEY).write_text("short\n")
    before = sorted(folder.iterdir())
    with pytest.raises(KeysUnavailable):
        prepare_keys(Keyring(folder), (VERIFY_KEY,))
    assert sorted(folder.iterdir()) == before
