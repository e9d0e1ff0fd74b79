"""`init` makes two separate private folders, or nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pincli.errors import PincliError, Refused, Rule, StoreUnavailable, Unavailable
from pincli.models import Fault, Origin
from pincli.operations import setup
from pincli.operations.setup import initialise
from pincli.store.location import Server
from tests.support.desk import Desk

ORIGIN = Origin("tester", "init")


def test_only_the_owner_can_use_what_init_makes(tmp_path: Path) -> None:
    """Folders are 0700, also the missing ones above; files are 0600."""
    before = os.umask(0)
    try:
        initialise(tmp_path / "a" / "b" / "store", tmp_path / "a" / "c" / "keys", origin=ORIGIN)
    finally:
        os.umask(before)
    folders = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert len(folders) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    keys = list((tmp_path / "a" / "c" / "keys").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    lock_file = tmp_path / "a" / "b" / "store" / "pincli.lock"
    assert stat.S_IMODE(lock_file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("store", "keys"),
    [("x", "x"), ("x", "x/keys"), ("x/store", "x"), ("x", "x/../x"), ("x", "link")],
)
def test_keys_are_never_with_the_database(tmp_path: Path, store: str, keys: str) -> None:
    """Neither in the same folder nor one inside the other: a copy would take both."""
    (tmp_path / "x").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with pytest.raises(Refused) as refusal:
        initialise(tmp_path / store, tmp_path / keys, origin=ORIGIN)
    assert refusal.value.rule is Rule.KEYS_BESIDE_STORE
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.parametrize("which", ["store", "keys"])
def test_an_empty_folder_that_is_open_is_closed(tmp_path: Path, which: str) -> None:
    """After a mkdir beforehand."""
    (tmp_path / which).mkdir()
    (tmp_path / which).chmod(0o755)
    initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert stat.S_IMODE((tmp_path / which).stat().st_mode) == 0o700


@pytest.mark.parametrize("which", ["store", "keys"])
def test_a_used_folder_that_is_open_is_refused(tmp_path: Path, which: str) -> None:
    """Others may need it open; nothing is changed or made."""
    (tmp_path / which).mkdir()
    (tmp_path / which / "theirs").touch()
    (tmp_path / which).chmod(0o755)
    with pytest.raises(Unavailable) as refusal:
        initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert (refusal.value.fault, refusal.value.path) == (Fault.EXPOSED, tmp_path / which)
    assert stat.S_IMODE((tmp_path / which).stat().st_mode) == 0o755
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([which, "theirs"])


@pytest.mark.parametrize("existing", ["verify.key", "audit.key", "portal.pub", "portal.key"])
def test_keys_that_exist_are_never_replaced(tmp_path: Path, existing: str) -> None:
    """They may be the only copy."""
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / existing).write_bytes(b"the only copy")
    with pytest.raises(Refused) as refusal:
        initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert refusal.value.rule is Rule.KEYS_EXIST
    assert (tmp_path / "keys" / existing).read_bytes() == b"the only copy"
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["keys", existing])


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path, mode: int) -> None:
    """With any mode."""
    (tmp_path / "store").touch()
    (tmp_path / "store").chmod(mode)
    with pytest.raises(Unavailable):
        initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert not (tmp_path / "keys").exists()


def test_paths_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the working directory."""
    monkeypatch.chdir(tmp_path)
    initialise(Path("store"), Path("keys"), origin=ORIGIN)
    assert Desk(tmp_path / "store", tmp_path / "keys").add("alice").login == "alice"


SERVER = Server("postgresql://admin1@db/pincli")


class FailingUpkeep:
    """A server's upkeep whose `create` fails, perhaps after the commit."""

    def __init__(self, error: PincliError, *, made: bool | None) -> None:
        self._error = error
        self._answers = [False, made]

    def exists(self) -> bool:
        """None stands for a server that does not answer."""
        answer = self._answers.pop(0)
        if answer is None:
            raise StoreUnavailable(Fault.UNREACHABLE, SERVER)
        return answer

    def create(self, *_: object, **__: object) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "made", "kept"),
    [
        (StoreUnavailable(Fault.LOST, SERVER), None, True),
        (StoreUnavailable(Fault.LOST, SERVER), True, True),
        (StoreUnavailable(Fault.LOST, SERVER), False, False),
        (StoreUnavailable(Fault.NOT_MADE, SERVER), False, False),
        (Refused(Rule.STORE_EXISTS), True, False),
    ],
)
def test_the_keys_of_a_store_that_may_exist_are_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: PincliError,
    made: bool | None,
    kept: bool,
) -> None:
    """The commit may have succeeded; but not if another store was there first."""
    upkeep = FailingUpkeep(error, made=made)
    monkeypatch.setattr(setup, "upkeep_of", lambda _location, _marks: upkeep)
    with pytest.raises(type(error)):
        initialise(SERVER, tmp_path / "keys", origin=ORIGIN)
    assert (tmp_path / "keys" / "audit.key").exists() is kept
    assert (tmp_path / "keys").exists() is kept
