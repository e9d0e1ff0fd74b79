"""`init`: two folders apart, each its owner's alone, and no half of it."""

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


def test_what_init_makes_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Folders are made 0700, with those above them that were missing; keys are 0600."""
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
def test_keys_never_lie_with_the_database(tmp_path: Path, store: str, keys: str) -> None:
    """Neither in one folder nor one inside the other, by whatever path: a copy takes both."""
    (tmp_path / "x").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with pytest.raises(Refused) as refusal:
        initialise(tmp_path / store, tmp_path / keys, origin=ORIGIN)
    assert refusal.value.rule is Rule.KEYS_BESIDE_STORE
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.parametrize("which", ["store", "keys"])
def test_an_empty_folder_that_is_open_is_closed(tmp_path: Path, which: str) -> None:
    """A folder made with mkdir beforehand becomes its owner's alone."""
    (tmp_path / which).mkdir()
    (tmp_path / which).chmod(0o755)
    initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert stat.S_IMODE((tmp_path / which).stat().st_mode) == 0o700


@pytest.mark.parametrize("which", ["store", "keys"])
def test_a_used_folder_that_is_open_is_refused(tmp_path: Path, which: str) -> None:
    """Its other users may need it open: it is left as it is, and nothing is made anywhere."""
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
    """The only copy of a key is worth more than a new store."""
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / existing).write_bytes(b"the only copy")
    with pytest.raises(Refused) as refusal:
        initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert refusal.value.rule is Rule.KEYS_EXIST
    assert (tmp_path / "keys" / existing).read_bytes() == b"the only copy"
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["keys", existing])


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_in_a_folder_s_place_is_refused(tmp_path: Path, mode: int) -> None:
    """What can't be a folder is told in words, whoever may read it."""
    (tmp_path / "store").touch()
    (tmp_path / "store").chmod(mode)
    with pytest.raises(Unavailable):
        initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert not (tmp_path / "keys").exists()


def test_a_relative_path_is_as_good_as_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are named from where one stands."""
    monkeypatch.chdir(tmp_path)
    initialise(Path("store"), Path("keys"), origin=ORIGIN)
    assert Desk(tmp_path / "store", tmp_path / "keys").add("alice").login == "alice"


SERVER = Server("postgresql://admin1@db/pincli")


class Elsewhere:
    """A server's upkeep, whose `create` fails; and whether the store is there afterwards."""

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
        """In vain, or nobody knows."""
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
def test_the_keys_of_a_store_that_may_be_there_are_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: PincliError,
    made: bool | None,
    kept: bool,
) -> None:
    """A commit whose answer was lost may have made it. The keys of a store of others go."""
    upkeep = Elsewhere(error, made=made)
    monkeypatch.setattr(setup, "upkeep_of", lambda _location, _marks: upkeep)
    with pytest.raises(type(error)):
        initialise(SERVER, tmp_path / "keys", origin=ORIGIN)
    assert (tmp_path / "keys" / "audit.key").exists() is kept
    assert (tmp_path / "keys").exists() is kept
