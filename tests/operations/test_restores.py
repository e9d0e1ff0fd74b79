"""Restores where histories have parted, or where there is no history: no PIN comes back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pincli.errors import BackupUnavailable, FileUnreadable, StoreUnavailable
from pincli.models import EventKind, Fault, Outcome, State
from pincli.operations import backups, keys, people, pins
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need, open_session
from pincli.operations.trail import check_trail
from pincli.operations.verify import verify
from pincli.results import Restored
from pincli.rules.states import state_of
from pincli.store import connection as store_connection
from pincli.store.transaction import Origin
from tests.operations.watching import WatchingVerifiers
from tests.store.attempting import charged
from tests.support.desk import EVERYTHING, Desk
from tests.support.driving import OTHER, RIGHT, WRONG, guess_wrong
from tests.support.floor import content

LEA = Origin("lea", "restore")


@pytest.fixture
def peopled(desk: Desk) -> Desk:
    """Alice, bob and their PINs."""
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    return desk


def backed_up(desk: Desk, name: str = "backup.db") -> Path:
    """A backup of the store as it is now."""
    path = desk.store.parent / name
    with desk.session(Need.WRITE) as session:
        backups.back_up(session, path, forbidden=(desk.store, desk.keys))
    return path


def restored(desk: Desk, backup: Path) -> Restored:
    """Restore as the command does."""
    return backups.restore(backup, desk.store, desk.keys, origin=LEA)


def untouched(desk: Desk) -> None:
    """Fail unless database and trail check."""
    assert desk.sql("PRAGMA integrity_check") == [("ok",)]
    assert desk.sql("PRAGMA foreign_key_check") == []
    with desk.session(Need.CHECK) as session:
        assert check_trail(session, None).finding is None


def outcome(desk: Desk, user: str, pin: str) -> Outcome:
    """What verify says."""
    with desk.session() as session:
        return verify(session, user, pin, None).outcome


def put_back(desk: Desk, path: Path) -> None:
    """Put an older copy in the store's place behind pincli's back."""
    desk.database.unlink()
    shutil.copy(path, desk.database)


def test_a_store_that_is_older_than_the_backup_goes_on_from_it(peopled: Desk) -> None:
    """The backup's trail is the longer one, and its keys count; no PIN of it becomes valid."""
    older = backed_up(peopled, "older.db")
    for kind in KeyKind:
        with peopled.session() as session:
            keys.rotate(session, kind)
    peopled.collected("carol", pin=RIGHT)
    with peopled.session() as session:
        pins.change(session, "alice", "234811")
    younger = backed_up(peopled, "younger.db")
    with peopled.session() as session:
        events, identity = peopled.events(), session.store.identity
    put_back(peopled, older)
    result = restored(peopled, younger)
    assert (result.kept_events, result.left_out) == (0, 0)
    assert peopled.events()[: len(events)] == events
    with peopled.session() as session:
        assert session.store.identity == identity
    for user, pin in (("carol", RIGHT), ("alice", "234811"), ("alice", RIGHT)):
        assert outcome(peopled, user, pin) is Outcome.UNCOLLECTED
    assert outcome(peopled, "bob", OTHER) is Outcome.VERIFIED
    untouched(peopled)


def test_where_two_trails_part_the_present_one_goes_on(peopled: Desk) -> None:
    """No event of the present store is lost; those of the backup alone are counted."""
    older = backed_up(peopled, "older.db")
    guess_wrong(peopled, "alice", 2)
    younger = backed_up(peopled, "younger.db")
    put_back(peopled, older)
    guess_wrong(peopled, "bob", 1)
    before = peopled.events()
    result = restored(peopled, younger)
    assert (result.kept_events, result.left_out) == (2, 4)
    assert peopled.events()[: len(before)] == before
    assert peopled.user("alice").failed_attempts == 2
    assert peopled.user("bob").failed_attempts == 1
    untouched(peopled)


def test_of_two_pins_of_one_version_the_present_one_is_valid(peopled: Desk) -> None:
    """Each history made its own; the one of the lost history does not come back."""
    older = backed_up(peopled, "older.db")
    with peopled.session() as session:
        pins.change(session, "alice", "234811")
    younger = backed_up(peopled, "younger.db")
    put_back(peopled, older)
    with peopled.session() as session:
        pins.change(session, "alice", "739154")
    assert restored(peopled, younger).withdrawn == 0
    assert outcome(peopled, "alice", "234811") is Outcome.INCORRECT
    assert outcome(peopled, "alice", "739154") is Outcome.VERIFIED
    with peopled.session() as session:
        assert pins.show(session, "alice").pin == "739154"


def test_rows_are_those_of_the_present_store(peopled: Desk) -> None:
    """Open desks lock users by their rows: another user of the backup gets a new one."""
    older = backed_up(peopled, "older.db")
    for user in ("carol", "dave"):
        peopled.collected(user, pin=RIGHT)
    younger = backed_up(peopled, "younger.db")
    put_back(peopled, older)
    for user in ("dave", "erin"):
        peopled.collected(user, pin=OTHER)
    before = {user: peopled.user(user) for user in ("alice", "bob", "dave", "erin")}
    assert restored(peopled, younger).withdrawn == 1
    for name, then in before.items():
        now = peopled.user(name)
        assert (now.id, now.pin, now.pin_version) == (then.id, then.pin, then.pin_version)
    carol = peopled.user("carol")
    assert carol.id not in {then.id for then in before.values()}
    assert state_of(carol) is State.UNCOLLECTED
    assert outcome(peopled, "dave", OTHER) is Outcome.VERIFIED
    untouched(peopled)


def test_an_attempt_that_nobody_settles_any_more_counts(peopled: Desk) -> None:
    """The sixth, in flight when the backup was made, and unknown here: locked, and told so."""
    older = backed_up(peopled, "older.db")
    peopled.collected("carol", pin=RIGHT)
    guess_wrong(peopled, "alice", 5)
    guess_wrong(peopled, "carol", 5)
    younger = peopled.store.parent / "younger.db"
    with peopled.session() as session:
        for name in ("alice", "carol"):
            with session.store.holding(peopled.user(name)) as user:
                charged(session, user)
                if name == "carol":
                    session.store.back_up(younger)
    put_back(peopled, older)
    restored(peopled, younger)
    for name in ("alice", "carol"):
        user = peopled.user(name)
        assert (user.failed_attempts, user.open_attempt, user.locks_total) == (6, None, 1)
        assert user.locked_since is not None
        assert peopled.events(name)[-1].kind is EventKind.LOCKED
    untouched(peopled)


def test_an_attempt_that_was_settled_since_locks_nobody(peopled: Desk) -> None:
    """The present store knows that the sixth was right: it is not among the misses."""
    guess_wrong(peopled, "alice", 5)
    backup = peopled.store.parent / "backup.db"

    def back_up() -> None:
        with peopled.session() as other:
            other.store.back_up(backup)

    with open_session(
        peopled.store,
        peopled.keys,
        origin=LEA,
        needs=frozenset(EVERYTHING),
        verifiers=WatchingVerifiers(back_up),
    ) as session:
        assert verify(session, "alice", RIGHT, None).outcome is Outcome.VERIFIED
    restored(peopled, backup)
    assert peopled.user("alice").failed_attempts == 5
    assert outcome(peopled, "alice", RIGHT) is Outcome.VERIFIED


def test_attempts_in_flight_are_abandoned_where_there_is_no_store(peopled: Desk) -> None:
    """Their owners are gone with it: a miss each, and the sixth locks."""
    guess_wrong(peopled, "alice", 5)
    backup = peopled.store.parent / "backup.db"
    with peopled.session() as session, session.store.holding(peopled.user("alice")) as user:
        charged(session, user)
        session.store.back_up(backup)
    peopled.database.unlink()
    restored(peopled, backup)
    kinds = [event.kind for event in peopled.events("alice")]
    assert kinds[-2:] == [EventKind.ABANDONED, EventKind.LOCKED]
    user = peopled.user("alice")
    assert (user.open_attempt, user.locks_total, state_of(user)) == (None, 1, State.LOCKED)
    untouched(peopled)


@pytest.mark.parametrize("kind", KeyKind)
def test_a_retired_key_stays_so_where_there_is_no_store(peopled: Desk, kind: KeyKind) -> None:
    """Rotated since the backup, perhaps because it leaked: the new one counts, and is told."""
    backup = backed_up(peopled)
    with peopled.session() as session:
        new = keys.rotate(session, kind)
    peopled.database.unlink()
    restored(peopled, backup)
    with peopled.session() as session:
        assert getattr(session.store.identity, f"{kind}_key") == new
        pins.show(session, "alice")
    event = next(e for e in peopled.events() if e.kind is EventKind.KEY_ROTATED)
    assert event.outcome == f"{kind}:{new}"
    untouched(peopled)


def test_a_key_that_was_about_to_be_replaced_is_not_taken_for_a_new_one(peopled: Desk) -> None:
    """A rotation was killed before the renaming: the store's key lies under its fingerprint."""
    with peopled.session() as session:
        new = keys.rotate(session, KeyKind.VERIFY)
    backup = backed_up(peopled)
    (peopled.keys / "verify.key").rename(peopled.keys / f"verify-{new}.key")
    (old,) = (p for p in peopled.keys.glob("verify-*.key") if new not in p.name)
    shutil.copy(old, peopled.keys / "verify.key")
    peopled.database.unlink()
    restored(peopled, backup)
    with peopled.session() as session:
        assert session.store.identity.verify_key == new


def test_marks_of_an_unfinished_file_go_with_the_pins(peopled: Desk) -> None:
    """Who lost the PIN that stands in it is to be issued it again; who has it still, is not."""
    backup = backed_up(peopled)
    with peopled.session() as session:
        pins.change(session, "bob", "234811")
    peopled.sql("INSERT INTO issued SELECT 'b', id FROM users")
    restored(peopled, backup)
    assert peopled.sql("SELECT user FROM issued JOIN users ON id = user_id") == [("alice",)]
    untouched(peopled)


def test_who_became_of_a_type_without_pins_has_none(peopled: Desk) -> None:
    """By the backup's data, whatever the version."""
    backup = backed_up(peopled)
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute("UPDATE users SET type = 'datapipe' WHERE user = 'alice'")
    assert restored(peopled, backup).withdrawn == 1
    assert peopled.user("alice").pin is None
    untouched(peopled)


def test_two_restores_at_once_where_there_is_no_store(peopled: Desk) -> None:
    """One after the other: the second goes over what the first brought back."""
    backup = backed_up(peopled)
    peopled.database.unlink()
    ran = []

    def run() -> None:
        ran.append(peopled.run("restore", str(backup), "--yes", "--json"))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.code for each in ran] == [0, 0, 0], ran
    assert sum(each.answer["aside"] is None for each in ran) == 1
    kinds = [event.outcome for event in peopled.events() if event.kind is EventKind.RESTORED]
    assert kinds.count(None) == 3
    untouched(peopled)


def test_a_store_that_is_held_is_not_taken_for_a_damaged_one(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has it open in a tool of theirs: exit 8, and it stays where it is."""
    monkeypatch.setattr(store_connection, "BUSY_SECONDS", 0.05)
    backup = backed_up(peopled)
    before = content(peopled.store)
    with closing(sqlite3.connect(peopled.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable) as raised:
            restored(peopled, backup)
        other.execute("ROLLBACK")
    assert raised.value.fault is Fault.BUSY
    assert content(peopled.store) == before


def test_a_reader_who_does_not_end_does_not_hold_a_restore_for_ever(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer lock is not kept meanwhile; the store is as it was."""
    monkeypatch.setattr(store_connection, "BUSY_SECONDS", 0.05)
    backup = backed_up(peopled)
    guess_wrong(peopled, "alice", 1)
    before = peopled.events()
    with closing(sqlite3.connect(peopled.database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM users").fetchall()
        with pytest.raises(StoreUnavailable) as raised:
            restored(peopled, backup)
        other.execute("ROLLBACK")
    assert raised.value.fault is Fault.BUSY
    assert peopled.events() == before
    restored(peopled, backup)
    untouched(peopled)


@pytest.mark.parametrize("what", ["damaged", "gone"])
def test_a_desk_with_the_lost_store_open_is_told(peopled: Desk, what: str) -> None:
    """It would write into what lies aside, and lay its journal beside the new store."""
    backup = backed_up(peopled)
    with peopled.session() as session:
        assert verify(session, "bob", WRONG, None).outcome is Outcome.INCORRECT
        if what == "gone":
            peopled.database.unlink()
            with pytest.raises(StoreUnavailable) as raised:
                verify(session, "bob", OTHER, None)
            assert raised.value.fault is Fault.MISSING
        else:
            peopled.database.write_bytes(b"what was a store\n" * 1000)
        restored(peopled, backup)
        after = content(peopled.store)
        with pytest.raises(StoreUnavailable) as raised:
            people.set_active(session, "bob", active=False, reason=None)
        assert raised.value.fault is Fault.REPLACED or what == "damaged"
        assert content(peopled.store) == after
    untouched(peopled)


def test_leftovers_of_a_killed_restore_are_in_nobody_s_way(peopled: Desk) -> None:
    """A folder of our process number, with half a copy in it."""
    backup = backed_up(peopled)
    folder = peopled.store / f"pincli.db.candidate-{os.getpid()}"
    folder.mkdir()
    (folder / "pincli.db").write_bytes(b"half")
    restored(peopled, backup)
    assert not folder.exists()


def test_paths_that_lead_nowhere(peopled: Desk) -> None:
    """Told in words, before anything is copied; a pipe is not waited for."""
    folder = peopled.store.parent
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    before = content(peopled.store)
    for path in (folder / ("x" * 300), folder / "a\0b", folder / "loop"):
        with pytest.raises(FileUnreadable):
            restored(peopled, path)
        with pytest.raises(FileUnreadable), peopled.session(Need.WRITE) as session:
            backups.back_up(session, path, forbidden=(peopled.store, peopled.keys))
    for path in (folder / "pipe", folder, folder / "none"):
        with pytest.raises(BackupUnavailable):
            restored(peopled, path)
    with pytest.raises(FileUnreadable), peopled.session(Need.WRITE) as session:
        backups.back_up(session, folder / "no" / "b.db", forbidden=(peopled.store, peopled.keys))
    assert content(peopled.store) == before
