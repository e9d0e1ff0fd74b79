"""Making a store: whole or not at all, never over another one, and by one of many inits."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import PincliError, Refused, Rule, StoreUnavailable
from pincli.models import Identity, Origin
from pincli.operations.setup import initialise
from pincli.operations.verify import verify
from pincli.store.sealing import Sealers
from pincli.store.sqlite import migrations
from pincli.store.sqlite.creation import create_store
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import Key, Keyring
from tests.store.processes import other
from tests.support.desk import Desk, new_desk

ORIGIN = Origin("tester", "init")
TOGETHER = 4


def tree(folder: Path) -> set[str]:
    """Every path below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_store_is_a_database_and_a_lock_file(desk: Desk) -> None:
    """Nothing else is left behind, and the trail begins with the event of `init`."""
    assert tree(desk.store) == {"pincli.db", "pincli.lock"}
    assert [event.kind.value for event in desk.events()] == ["initialised"]
    with desk.session() as session:
        keyring = Keyring(desk.keys)
        assert session.identity[1:] == (
            keyring.verify.fingerprint,
            keyring.audit.fingerprint,
            keyring.portal_public.fingerprint,
        )


def existing_file(path: Path) -> None:
    """A file of the user's."""
    path.write_bytes(b"theirs")


def dangling_link(path: Path) -> None:
    """A link that leads nowhere."""
    path.symlink_to(path.parent.parent / "elsewhere")


@pytest.mark.parametrize("make", [existing_file, dangling_link, Path.mkdir])
def test_nothing_is_made_over_what_exists(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Anything in the database's place is refused and stays as it is."""
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    make(store / "pincli.db")
    before = (store / "pincli.db").lstat()
    with pytest.raises(Refused) as refusal:
        initialise(store, tmp_path / "keys", origin=ORIGIN)
    assert refusal.value.rule is Rule.STORE_EXISTS
    assert (store / "pincli.db").lstat() == before
    assert tree(tmp_path) == {"store", "store/pincli.db"}
    with pytest.raises(Refused):
        create(store)
    assert (store / "pincli.db").lstat() == before
    assert tree(store) == {"pincli.db"}


def create(folder: Path) -> None:
    """The store's part of init."""
    sealer = AuditSealer(Key(bytes(32), "audit"))
    create_store(
        folder,
        folder / "no marks here",
        Identity("00" * 16, "verify", "audit", "portal"),
        sealers=Sealers(sealer, lambda _: sealer, lambda: []),
        origin=ORIGIN,
    )


def test_a_working_store_survives_a_second_init(desk: Desk) -> None:
    """A second init changes neither a working store nor its keys."""
    pin = desk.collected("alice")
    files = {path: path.read_bytes() for path in (*desk.store.iterdir(), *desk.keys.iterdir())}
    with pytest.raises(Refused):
        initialise(desk.store, desk.keys, origin=ORIGIN)
    with pytest.raises(Refused):
        initialise(desk.store, desk.keys.parent / "other", origin=ORIGIN)
    with pytest.raises(Refused):
        initialise(desk.store.parent / "other", desk.keys, origin=ORIGIN)
    assert {path: path.read_bytes() for path in files} == files
    assert tree(desk.store.parent) >= {"store/pincli.db", "keys/verify.key"}
    assert not (desk.store.parent / "other").exists()
    with desk.session() as session:
        assert verify(session, "alice", pin, None).outcome == "verified"


def fail_at(
    patch: pytest.MonkeyPatch, number: int, error: BaseException, names: tuple[str, ...]
) -> None:
    """Make only the call with this number fail, of these functions of os."""
    calls = iter(range(1, 1_000_000))

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls) == number:
                raise error
            return real(*arguments, **options)

        return call

    for name in names:
        patch.setattr(os, name, failing(getattr(os, name)))


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()],
    ids=["full disk", "Ctrl-C"],
)
@pytest.mark.parametrize("folders_exist", [True, False])
def test_a_failing_init_leaves_nothing_behind(
    tmp_path: Path, error: BaseException, folders_exist: bool
) -> None:
    """After any failing call no key, database or new folder is left."""
    for number in range(1, 100):
        work = tmp_path / str(number)
        work.mkdir()
        if folders_exist:
            (work / "store").mkdir(mode=0o700)
            (work / "keys").mkdir(mode=0o700)
        before = tree(work)
        with pytest.MonkeyPatch.context() as patch:
            fail_at(patch, number, error, ("open", "link", "fsync"))
            try:
                initialise(work / "store", work / "keys", origin=ORIGIN)
            except (PincliError, KeyboardInterrupt):
                assert tree(work) == before, number
            else:
                break
    else:
        pytest.fail("init never came to its end")
    assert number > 8  # four keys and a store take more calls than that
    assert tree(work) >= {"store/pincli.db", "store/pincli.lock", "keys/verify.key"}


def test_a_store_that_can_not_be_built_takes_its_keys_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys without a store would block the next init, so they are removed."""

    def broken(_connection: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(migrations, "migrate", broken)
    with pytest.raises(StoreUnavailable):
        initialise(tmp_path / "a" / "store", tmp_path / "b" / "keys", origin=ORIGIN)
    assert tree(tmp_path) == set()


@pytest.mark.parametrize("shared_keys", [True, False])
def test_of_many_inits_at_once_one_wins(tmp_path: Path, shared_keys: bool) -> None:
    """One init makes the store, the others are refused, and its keys fit the store."""
    store = tmp_path / "store"
    keys = [tmp_path / ("keys" if shared_keys else f"keys{n}") for n in range(TOGETHER)]
    for folder in {store, *keys}:
        folder.mkdir(mode=0o700)
    with ExitStack() as stack:
        others = [stack.enter_context(other("initialiser", store, each)) for each in keys]
        assert [each.said() for each in others] == ["ready"] * TOGETHER
        for each in others:
            each.tell("go")
        results = [each.said() for each in others]
    assert sorted(results) == ["made"] + ["refused"] * (TOGETHER - 1)
    winner = keys[results.index("made")]
    assert tree(store) == {"pincli.db", "pincli.lock"}
    assert {name for name in tree(tmp_path) if name.endswith((".key", ".pub"))} == {
        f"{winner.name}/{name}" for name in ("verify.key", "audit.key", "portal.key", "portal.pub")
    }
    desk = Desk(store, winner)
    pin = desk.collected("alice")
    with desk.session() as session:
        assert verify(session, "alice", pin, None).outcome == "verified"


def test_who_makes_the_folders_first_does_not_end_the_other_s_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two inits one wins, even if each makes one of the two folders."""
    real = Path.mkdir

    def overtaken(self: Path, *arguments: Any, **options: Any) -> None:
        """Let another init make the keys' folder just before this one does."""
        if self.name == "keys":
            real(self, mode=0o700)
        real(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", overtaken)
    initialise(tmp_path / "store", tmp_path / "keys", origin=ORIGIN)
    assert tree(tmp_path / "store") == {"pincli.db", "pincli.lock"}


def test_a_leftover_of_a_killed_init_does_not_matter(tmp_path: Path) -> None:
    """A killed init's file neither stops the next one with its process id nor gets in."""
    killed = new_desk(tmp_path / "killed").database.read_bytes()
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    (store / f"pincli.db.{os.getpid()}.new").write_bytes(killed)
    desk = new_desk(tmp_path)
    assert tree(store) == {"pincli.db", "pincli.lock"}
    assert [event.kind.value for event in desk.events()] == ["initialised"]


def test_a_journal_of_a_lost_store_does_not_spoil_the_next(tmp_path: Path) -> None:
    """An old journal is renamed: SQLite would write its pages over the new database."""
    first = new_desk(tmp_path / "first")
    with closing(sqlite3.connect(first.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE trail SET note = hex(randomblob(40000))")
        hot = first.database.with_name("pincli.db-journal").read_bytes()
        connection.execute("ROLLBACK")
    store = tmp_path / "second" / "store"
    store.mkdir(parents=True, mode=0o700)
    (store / "pincli.db-journal").write_bytes(hot)
    second = new_desk(tmp_path / "second")
    assert second.sql("SELECT store_id FROM store") != first.sql("SELECT store_id FROM store")
    assert second.collected("alice")
    (kept,) = store.glob("pincli.db.lost-*-journal")
    assert kept.read_bytes() == hot


def test_everything_is_its_owner_s_alone_whatever_the_umask(tmp_path: Path) -> None:
    """Folders are 0700 and files 0600, even with an open umask."""
    desk = Desk(tmp_path / "deep" / "store", tmp_path / "deep" / "keys")
    os.umask(0)
    ran = desk.run("init", "--json")
    assert ran.code == 0, ran
    assert desk.run("user", "add", "alice", "--account", "acme", "--json").code == 0
    for path in (tmp_path / "deep").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700
