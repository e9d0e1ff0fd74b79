"""Backups and restores: a refusal changes no byte, and a restore is complete."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import (
    BackupRefused,
    KeysUnavailable,
    PincliError,
    Refused,
    Rule,
    StoreUnavailable,
)
from pincli.models import Fault, Outcome
from pincli.operations import backups, keys, pins
from pincli.operations.keys import KeyKind
from pincli.operations.verify import verify
from pincli.store.sqlite import copies
from pincli.store.sqlite.restore import restore as restoring
from tests.operations.restoring import backed_up, outcome, require_intact, restored
from tests.support.desk import Desk, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG, guess_wrong
from tests.support.floor import content, copy_of


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A store with alice and bob, after a rotation of each key."""
    desk = new_desk(tmp_path_factory.mktemp("backups"))
    for kind in KeyKind:
        with desk.session() as session:
            keys.rotate(session, kind)
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    return desk


@pytest.fixture
def peopled(template: Desk, tmp_path: Path) -> Desk:
    """A copy of it for one test."""
    return copy_of(template, tmp_path)


def edited(backup: Path, statement: str) -> Path:
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.executescript(statement)
    return backup


def test_a_backup_is_never_among_store_or_keys(peopled: Desk) -> None:
    """Not through a link or a detour either."""
    link = peopled.store.parent / "link"
    link.symlink_to(peopled.keys)
    below = peopled.store / "below"
    below.mkdir()
    for path in (
        peopled.store / "b.db",
        peopled.keys / "b.db",
        below / "b.db",
        link / "b.db",
        peopled.store.parent / "x" / ".." / "store" / "b.db",
    ):
        with pytest.raises(Refused) as raised:
            backups.back_up(
                peopled.store, peopled.keys, path, forbidden=(peopled.store, peopled.keys)
            )
        assert raised.value.rule is Rule.FILE_AMONG_SECRETS
        assert not path.exists()


def test_a_folder_with_a_similar_name_is_allowed(peopled: Desk) -> None:
    """`store-backups` is not `store`."""
    folder = peopled.store.with_name("store-backups")
    folder.mkdir()
    backed_up(peopled, "store-backups/b.db")
    assert stat.S_IMODE((folder / "b.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("owner", "mode", "above", "allowed"),
    [
        (0, 0o755, 0o755, True),
        (0, 0o775, 0o755, False),
        (0, 0o1777, 0o755, False),
        (12345, 0o700, 0o755, False),
        (0, 0o755, 0o1777, True),
        (0, 0o755, 0o777, False),
    ],
)
def test_a_backup_in_or_below_a_folder_of_others_is_refused(
    peopled: Desk, owner: int, mode: int, above: int, allowed: bool
) -> None:
    """Others could put another file there for the next restore; but not below a sticky folder."""
    folder = peopled.store.parent / "above" / "backups"
    folder.mkdir(parents=True)
    folder.chmod(mode)
    folder.parent.chmod(above)
    if owner and os.geteuid() == 0:
        os.chown(folder, owner, -1)
    elif owner:
        pytest.skip("only root can give a folder away")
    if allowed:
        backed_up(peopled, "above/backups/b.db")
    else:
        with pytest.raises(Refused) as raised:
            backed_up(peopled, "above/backups/b.db")
        assert raised.value.rule is Rule.FOLDER_OF_OTHERS
    assert any(folder.iterdir()) is allowed


def test_nobody_waits_while_a_backup_is_synced_and_read(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer lock is free once the pages are copied, so a slow disk delays no caller."""
    held: list[bool] = []
    for name in ("sync_file", "_read_back", "give_name"):
        step = getattr(copies, name)

        def watched(*arguments: Any, step: Callable[..., Any] = step) -> None:
            held.append(_is_held(peopled))
            step(*arguments)

        monkeypatch.setattr(copies, name, watched)
    backed_up(peopled)
    assert held == [False] * 3


def test_a_backup_holds_neither_keys_nor_pins(peopled: Desk) -> None:
    """No content of a key file, and no PIN in the clear."""
    data = backed_up(peopled).read_bytes()
    for path in [*peopled.keys.glob("*.key"), *peopled.keys.glob("*.pub")]:
        key = path.read_text().strip()
        assert key.encode() not in data
        assert bytes.fromhex(key) not in data
    for pin in peopled.pins.values():
        assert pin.encode() not in data


def _folder(backup: Path) -> None:
    backup.unlink()
    backup.mkdir()


def _sql(statement: str) -> Callable[[Path], object]:
    return lambda backup: edited(backup, statement)


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda backup: backup.write_bytes(change(backup.read_bytes()))


REFUSED: dict[str, tuple[Callable[[Path], object], type[PincliError], Fault | None]] = {
    "damaged": (_bytes(lambda data: data[:-4096] + b"\xa5" * 4096), BackupRefused, None),
    "newer": (_sql("PRAGMA user_version = 99"), StoreUnavailable, Fault.NEWER),
    "unversioned": (_sql("PRAGMA user_version = 0"), StoreUnavailable, Fault.NOT_A_STORE),
    "not ours": (_sql("PRAGMA application_id = 1"), StoreUnavailable, Fault.NOT_A_STORE),
    "edited": (_sql("UPDATE trail SET agent = 'eve' WHERE number = 3"), BackupRefused, None),
    "another id": (_sql("UPDATE store SET store_id = 'another'"), BackupRefused, None),
    "no table": (_sql("DROP TABLE trail"), StoreUnavailable, Fault.DAMAGED),
    "impossible": (
        _sql("PRAGMA ignore_check_constraints = ON; UPDATE people SET failed_attempts = 7"),
        StoreUnavailable,
        Fault.DAMAGED,
    ),
    "text": (_bytes(lambda _: b"long enough\n" * 999), StoreUnavailable, Fault.NOT_A_STORE),
    "gone": (Path.unlink, StoreUnavailable, Fault.MISSING),
    "empty": (_bytes(lambda _: b""), StoreUnavailable, Fault.NOT_A_STORE),
    "cut": (_bytes(lambda data: data[:8192]), PincliError, None),
    "a folder": (_folder, StoreUnavailable, None),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("store", ["there", "gone"])
def test_a_bad_backup_is_refused_before_the_store_is_touched(
    peopled: Desk, what: str, store: str
) -> None:
    """The folders of store and keys stay byte for byte as they were."""
    spoil, error, fault = REFUSED[what]
    backup = backed_up(peopled)
    spoil(backup)
    if store == "gone":
        peopled.database.unlink()
    before = content(peopled.store), content(peopled.keys)
    with pytest.raises(error) as raised:
        restored(peopled, backup)
    if fault is not None:
        assert getattr(raised.value, "fault", None) is fault
    assert (content(peopled.store), content(peopled.keys)) == before


@pytest.mark.parametrize("name", ["verify.key", "audit.key", "portal.pub"])
@pytest.mark.parametrize("store", ["there", "gone"])
def test_a_backup_whose_key_is_missing_is_refused(peopled: Desk, name: str, store: str) -> None:
    """Before the store is touched."""
    backup = backed_up(peopled)
    (peopled.keys / name).unlink()
    if store == "gone":
        peopled.database.unlink()
    before = content(peopled.store)
    with pytest.raises(KeysUnavailable):
        restored(peopled, backup)
    assert content(peopled.store) == before


def test_a_backup_whose_old_key_is_missing_is_refused(peopled: Desk) -> None:
    """A backup from before a rotation needs the old key."""
    backup = backed_up(peopled)
    old = peopled.user("alice").verify_key
    with peopled.session() as session:
        keys.rotate(session, KeyKind.VERIFY)
    (peopled.keys / f"verify-{old}.key").unlink()
    before = content(peopled.store)
    with pytest.raises(KeysUnavailable):
        restored(peopled, backup)
    assert content(peopled.store) == before


def test_restores_within_a_second_keep_every_replaced_store(peopled: Desk) -> None:
    """None is refused."""
    backup = backed_up(peopled)
    asides = [restored(peopled, backup).aside for _ in range(3)]
    assert len(set(asides)) == 3
    assert all(Path(aside or "").exists() for aside in asides)


def test_a_session_opened_before_a_restore_goes_on(peopled: Desk) -> None:
    """An open desk sees the restored records."""
    backup = backed_up(peopled)
    with peopled.session() as session:
        assert verify(session, "bob", WRONG, None).outcome is Outcome.INCORRECT
        with peopled.session() as other:
            pins.change(other, "alice", OTHER)
        restored(peopled, backup)
        for user, pin in (("bob", OTHER), ("alice", OTHER), ("alice", RIGHT)):
            assert verify(session, user, pin, None).outcome is Outcome.UNCOLLECTED
        assert session.store.people.find("alice") == [peopled.user("alice")]
        new = pins.show(session, "alice").pin
        assert verify(session, "alice", new, None).outcome is Outcome.VERIFIED
    require_intact(peopled)


def test_only_rows_are_restored(peopled: Desk) -> None:
    """No trigger, view or table that somebody added."""
    backup = edited(
        backed_up(peopled),
        "CREATE TABLE more (x); CREATE VIEW seen AS SELECT 1;"
        "CREATE TRIGGER t AFTER UPDATE ON people BEGIN UPDATE people SET failed_attempts = 0; END;"
        "DROP INDEX people_by_state;",
    )
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"
    before = peopled.sql(schema)
    restored(peopled, backup)
    assert peopled.sql(schema) == before
    require_intact(peopled)


def test_a_restore_without_a_store_withdraws_every_pin(peopled: Desk) -> None:
    """Nothing shows what was withdrawn since, so users first look at a new PIN."""
    guess_wrong(peopled, "bob", 6)
    backup = backed_up(peopled)
    shutil.rmtree(peopled.store)
    result = restored(peopled, backup)
    assert (result.withdrawn, result.aside) == (2, None)
    assert outcome(peopled, "alice", RIGHT) is Outcome.UNCOLLECTED
    assert outcome(peopled, "bob", OTHER) is Outcome.LOCKED
    with peopled.session() as session:
        new = pins.show(session, "alice").pin
    assert outcome(peopled, "alice", new) is Outcome.VERIFIED
    assert {path.name for path in peopled.store.iterdir()} == {"pincli.db", "pincli.lock"}
    require_intact(peopled)


WRECKED: dict[str, Callable[[bytes], bytes]] = {
    "pages": lambda data: data[:4096] + b"\xa5" * (len(data) - 4096),
    "text": lambda _: b"what was a store\n" * 1000,
    "cut": lambda data: data[:4096],
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("what", WRECKED)
def test_a_damaged_store_is_moved_aside(peopled: Desk, what: str) -> None:
    """What is left of it is kept, and every PIN is withdrawn."""
    backup = backed_up(peopled)
    remains = WRECKED[what](peopled.database.read_bytes())
    peopled.database.write_bytes(remains)
    result = restored(peopled, backup)
    assert result.withdrawn == 2
    assert Path(result.aside or "").read_bytes() == remains
    assert outcome(peopled, "alice", RIGHT) is Outcome.UNCOLLECTED
    require_intact(peopled)


def test_a_journal_of_a_lost_database_does_no_harm(peopled: Desk) -> None:
    """A power cut leaves both, then only the database is lost."""
    backup = backed_up(peopled)
    journal = peopled.database.with_name("pincli.db-journal")
    with closing(sqlite3.connect(peopled.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE people SET display_name = hex(randomblob(4000))")
        connection.execute("UPDATE trail SET note = hex(randomblob(4000))")
        hot = journal.read_bytes()
        connection.execute("ROLLBACK")
    peopled.database.unlink()
    journal.write_bytes(hot)
    restored(peopled, backup)
    assert peopled.sql("PRAGMA integrity_check") == [("ok",)]
    assert outcome(peopled, "alice", RIGHT) is Outcome.UNCOLLECTED
    require_intact(peopled)


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_writers_only_wait_while_pages_are_copied_or_replaced(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Not while records are compared and written."""
    backup = backed_up(peopled)
    held: list[tuple[str, bool]] = []

    def watched(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **options: Any) -> Any:
            held.append((name, _is_held(peopled)))
            return step(*arguments, **options)

        return stepping

    steps = {
        "backup": [(copies, "copy", True)],
        "restore": [(restoring, "write_records", False), (restoring, "replace", True)],
    }
    for owner, name, _ in steps[what]:
        monkeypatch.setattr(owner, name, watched(name, getattr(owner, name)))
    assert not _is_held(peopled)
    if what == "backup":
        backed_up(peopled, "another.db")
    else:
        restored(peopled, backup)
    assert held == [(name, whether) for _, name, whether in steps[what]]
    assert not _is_held(peopled)


def _is_held(desk: Desk) -> bool:
    """Whether another process finds the writer lock held."""
    line = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), 2 | 4, 1)"  # LOCK_EX | LOCK_NB
    tried = subprocess.run(
        [sys.executable, "-c", line, str(desk.store / "pincli.lock")],
        capture_output=True,
        check=False,
    )
    return b"BlockingIOError" in tried.stderr
