"""Backups of version 1 are upgraded in a copy, then restored like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pincli.errors import BackupRefused
from pincli.models import Origin, Outcome, UserType
from pincli.operations import backups, editing, people
from pincli.operations.verify import verify
from pincli.results import Restored
from tests.store.attempting import PIN, WRONG
from tests.support.desk import Desk
from tests.support.version_1 import Version1
from tests.support.words import require_true_index


@pytest.fixture
def old(tmp_path: Path) -> Version1:
    """A store of version 1 with alice, and bob, who has missed three times."""
    store = Version1(tmp_path)
    store.add("alice", pin=PIN)
    store.add("bob", pin=PIN)
    store.miss("bob", 3)
    return store


def backed_up(old: Version1, tmp_path: Path) -> Path:
    backup = tmp_path / "old.db"
    shutil.copy(old.desk.database, backup)
    return backup


def restore(desk: Desk, backup: Path) -> Restored:
    return backups.restore(backup, desk.store, desk.keys, origin=Origin("ada", "restore"))


def is_intact(desk: Desk) -> bool:
    """Whether the trail, old and new, and the index are right."""
    with desk.session() as session:
        require_true_index(session.store)
    return desk.run("audit", "verify").code == 0


def test_with_an_upgraded_store_each_user_keeps_the_stricter_counter(
    old: Version1, tmp_path: Path
) -> None:
    """They are the same users, although the backup has no uids; every PIN is withdrawn."""
    backup, desk = backed_up(old, tmp_path), old.close()
    with desk.session() as session:
        for _ in range(3):
            verify(session, "bob", WRONG, None)
        verify(session, "alice", WRONG, None)
    before = desk.user("bob")
    done = restore(desk, backup)
    assert (done.withdrawn, done.gone_users) == (2, 0)
    bob = desk.user("bob")
    assert (bob.uid, bob.failed_attempts, bob.question) == (before.uid, 6, None)
    assert bob.locked_since == before.locked_since
    assert desk.user("alice").failed_attempts == 1
    with desk.session() as session:
        assert verify(session, "bob", PIN, None).outcome is Outcome.LOCKED
        assert verify(session, "alice", PIN, None).outcome is Outcome.UNCOLLECTED
    assert is_intact(desk)


def test_over_a_store_of_version_1_the_stricter_counter_stays(
    old: Version1, tmp_path: Path
) -> None:
    """A restore before the upgrade gives no guesses back."""
    backup = backed_up(old, tmp_path)
    old.miss("bob", 3)
    desk = old.close()
    restore(desk, backup)
    assert desk.user("bob").failed_attempts == 6
    assert is_intact(desk)


def test_without_a_store_the_backups_counters_count(old: Version1, tmp_path: Path) -> None:
    """Every PIN is withdrawn."""
    backup, desk = backed_up(old, tmp_path), old.close()
    shutil.rmtree(desk.store)
    assert restore(desk, backup).withdrawn == 2
    assert (desk.user("bob").failed_attempts, desk.user("bob").question) == (3, None)
    assert is_intact(desk)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE events SET agent = 'eve' WHERE seq = 3",
        "DELETE FROM events WHERE seq = 2",
        "CREATE TRIGGER t AFTER UPDATE ON users BEGIN SELECT 1; END",
    ],
)
def test_a_tampered_backup_is_refused(old: Version1, tmp_path: Path, edit: str) -> None:
    """Trail and schema are checked, and nothing is touched."""
    untouched = backed_up(old, tmp_path)
    old.connection.execute(edit)
    desk = old.close()
    tampered = tmp_path / "tampered.db"
    shutil.move(desk.database, tampered)
    shutil.copy(untouched, desk.database)
    with pytest.raises(BackupRefused):
        restore(desk, tampered)
    assert desk.database.read_bytes() == untouched.read_bytes()


def test_renamed_and_erased_users_are_known_by_their_row(old: Version1, tmp_path: Path) -> None:
    """Nobody erased comes back, and a login that changed hands doesn't mix records."""
    backup, desk = backed_up(old, tmp_path), old.close()
    alice, bob = desk.user("alice"), desk.user("bob")
    with desk.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
        erased = editing.erase(session, editing.require_erasable(session, "alice")).user
        editing.edit(session, "bob", {"login": "alice"}, account=None, reason=None)
        people.add(session, "bob", "acme", "Another Bob", UserType.CLOUD)
        for _ in range(3):
            verify(session, "alice", WRONG, None)
    assert restore(desk, backup).gone_users == 1
    now = [desk.user(login) for login in (erased.login, "bob")]
    assert [(user.uid, user.failed_attempts) for user in now] == [(alice.uid, 0), (bob.uid, 6)]
    assert desk.sql("SELECT count(*) FROM people") == [(2,)]
    assert is_intact(desk)
