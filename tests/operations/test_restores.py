"""Restores where histories have parted, or where there is no history: no PIN comes back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import BackupUnavailable, FileUnreadable, StoreUnavailable
from pincli.models import EventKind, Fault, Origin, Outcome, State
from pincli.operations import keys, people, pins
from pincli.operations.keys import KeyKind
from pincli.operations.verify import verify
from pincli.rules.lockout import state_of
from pincli.store.sqlite import connection
from pincli.store.sqlite.restore import records, sources
from pincli.store.sqlite.restore import restore as restoring
from pincli.store.sqlite.temporary_files import unfinished_name
from tests.operations.restoring import backed_up, restored, untouched
from tests.store.attempting import left_open
from tests.support.desk import Desk
from tests.support.driving import OTHER, RIGHT, WRONG, guess_wrong
from tests.support.floor import content

LEA = Origin("lea", "restore")


@pytest.fixture
def peopled(desk: Desk) -> Desk:
    """Alice, bob and their PINs."""
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    return desk


def outcome(desk: Desk, user: str, pin: str) -> Outcome:
    """What verify says."""
    with desk.session() as session:
        return verify(session, user, pin, None).outcome


def put_back(desk: Desk, path: Path) -> None:
    """Put an older copy in the store's place behind pincli's back, and take its mark away."""
    for mark in desk.keys.glob("mark-*"):
        mark.unlink()
    desk.database.unlink()
    shutil.copy(path, desk.database)


def test_a_store_that_is_older_than_the_backup(peopled: Desk) -> None:
    """The backup's trail is the longer one, and no retired key comes back; nor does a PIN."""
    older = backed_up(peopled, "older.db")
    for kind in KeyKind:
        with peopled.session() as session:
            keys.rotate(session, kind)
    peopled.collected("carol", pin=RIGHT)
    with peopled.session() as session:
        pins.change(session, "alice", "234811")
    younger = backed_up(peopled, "younger.db")
    with peopled.session() as session:
        events, identity = peopled.events(), session.store.identity()
    put_back(peopled, older)
    result = restored(peopled, younger)
    assert (result.kept_events, result.left_out, result.gone_users) == (0, 0, 0)
    assert peopled.events()[: len(events)] == events
    with peopled.session() as session:
        assert session.store.identity() == identity
    for user, pin in (("carol", RIGHT), ("alice", "234811"), ("alice", RIGHT), ("bob", OTHER)):
        assert outcome(peopled, user, pin) is Outcome.UNCOLLECTED
    untouched(peopled)


def test_where_two_trails_part_the_backup_s_goes_on(peopled: Desk) -> None:
    """No event of it is lost; the other one's head is noted, and its misses count."""
    older = backed_up(peopled, "older.db")
    guess_wrong(peopled, "alice", 2)
    younger = backed_up(peopled, "younger.db")
    events = peopled.events()
    put_back(peopled, older)
    guess_wrong(peopled, "bob", 1)
    seq, mac = peopled.events()[-1].seq, peopled.events()[-1].mac
    restored(peopled, younger)
    after = peopled.events()
    assert after[: len(events)] == events
    assert str(after[len(events)].reason).endswith(f" aside {seq}:{mac}")
    assert peopled.user("alice").failed_attempts == 2
    assert peopled.user("bob").failed_attempts == 1
    untouched(peopled)


def test_of_two_pins_of_one_version_neither_is_valid(peopled: Desk) -> None:
    """Each history made its own; the next one has a version above both."""
    older = backed_up(peopled, "older.db")
    with peopled.session() as session:
        pins.change(session, "alice", "234811")
    younger = backed_up(peopled, "younger.db")
    put_back(peopled, older)
    with peopled.session() as session:
        pins.change(session, "alice", "739154")
        pins.change(session, "alice", "842759")
    assert restored(peopled, younger).withdrawn == 2
    for pin in ("234811", "739154", "842759"):
        assert outcome(peopled, "alice", pin) is Outcome.UNCOLLECTED
    assert peopled.user("alice").pin_version == 4
    untouched(peopled)


def test_callers_who_go_on_during_a_restore_are_caught_up_with(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they did after the copy is looked at under the lock: nobody gets a guess back."""
    backup = backed_up(peopled)
    guess_wrong(peopled, "bob", 2)
    write = records.write_records
    tries = []

    def beside_callers(*arguments: Any, **keeps: Any) -> Any:
        done = write(*arguments, **keeps)
        tries.append(done)
        guess_wrong(peopled, "alice", 3)
        guess_wrong(peopled, "bob", 4)
        peopled.add("carol")
        return done

    monkeypatch.setattr(restoring, "write_records", beside_callers)
    assert restored(peopled, backup).gone_users == 1  # carol
    assert len(tries) == 1
    assert peopled.user("alice").failed_attempts == 3
    bob = peopled.user("bob")
    assert (state_of(bob), bob.attempts_total, bob.question) == (State.LOCKED, 6, None)
    assert outcome(peopled, "alice", RIGHT) is Outcome.UNCOLLECTED
    untouched(peopled)


def test_a_restore_that_kept_pins_begins_again_beside_callers(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something has happened since the backup after all, so every PIN is withdrawn."""
    backup = backed_up(peopled)
    write = records.write_records
    kept = []

    def beside_a_caller(*arguments: Any, keeps: bool) -> Any:
        result = write(*arguments, keeps=keeps)
        kept.append(keeps)
        if keeps:
            guess_wrong(peopled, "alice", 1)
        return result

    monkeypatch.setattr(restoring, "write_records", beside_a_caller)
    assert restored(peopled, backup).withdrawn == 2
    assert kept == [True, False]
    assert (peopled.user("alice").failed_attempts, peopled.user("alice").question) == (1, None)
    untouched(peopled)


def test_taking_in_beside_callers_keeps_what_they_did(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The long search is done once; the trail goes on with what came, and nobody else changes."""
    edit = "UPDATE people SET failed_attempts = 1 WHERE login = ?"
    peopled.sql(edit, "alice")
    check, find = sources.checked, records.suspects
    tries = []

    def beside_a_caller(*arguments: Any, **options: Any) -> Any:
        guess_wrong(peopled, "bob", 1)
        return check(*arguments, **options)

    def beside_callers(*arguments: Any) -> Any:
        tries.append(find(*arguments))
        guess_wrong(peopled, "bob", 2)
        peopled.collected("carol", pin=RIGHT)
        peopled.sql(edit, "carol")
        return tries[-1]

    monkeypatch.setattr(restoring, "checked", beside_a_caller)
    monkeypatch.setattr(restoring, "suspects", beside_callers)
    before = len(peopled.events("bob"))
    assert restored(peopled, None).withdrawn == 2
    assert len(tries) == 1
    assert peopled.user("bob").failed_attempts == 3
    assert len(peopled.events("bob")) == before + 6
    assert outcome(peopled, "bob", OTHER) is Outcome.VERIFIED
    for user in ("alice", "carol"):
        assert outcome(peopled, user, RIGHT) is Outcome.UNCOLLECTED
    untouched(peopled)


def test_rows_are_those_of_the_backup(peopled: Desk) -> None:
    """Whom only the present store has is gone, also somebody else under a login of the backup."""
    older = backed_up(peopled, "older.db")
    for user in ("carol", "dave"):
        peopled.collected(user, pin=RIGHT)
    younger = backed_up(peopled, "younger.db")
    rows = {user: peopled.user(user).id for user in ("alice", "bob", "carol", "dave")}
    put_back(peopled, older)
    for user in ("dave", "erin"):
        peopled.collected(user, pin=OTHER)
    guess_wrong(peopled, "dave", 3)
    result = restored(peopled, younger)
    assert (result.withdrawn, result.gone_users) == (4, 2)
    assert {user: peopled.user(user).id for user in rows} == rows
    assert peopled.user("dave").failed_attempts == 0
    assert peopled.user("carol").failed_attempts == 0
    untouched(peopled)


def test_an_attempt_that_nobody_settles_any_more_counts(peopled: Desk) -> None:
    """The sixth, in flight when the backup was made, and unknown here: locked, and told so."""
    older = backed_up(peopled, "older.db")
    peopled.collected("carol", pin=RIGHT)
    guess_wrong(peopled, "alice", 5)
    guess_wrong(peopled, "carol", 5)
    for name in ("alice", "carol"):
        left_open(peopled, peopled.user(name))
    younger = backed_up(peopled, "younger.db")
    put_back(peopled, older)
    restored(peopled, younger)
    for name in ("alice", "carol"):
        user = peopled.user(name)
        assert (user.failed_attempts, user.attempt, user.locks_total) == (6, None, 1)
        assert user.locked_since is not None
        assert EventKind.LOCKED in [event.kind for event in peopled.events(name)]
    untouched(peopled)


def test_attempts_in_flight_are_ended_where_there_is_no_store(peopled: Desk) -> None:
    """Their owners are gone with it: a wrong one is a miss, and the sixth locks."""
    guess_wrong(peopled, "alice", 5)
    left_open(peopled, peopled.user("alice"))
    backup = backed_up(peopled)
    peopled.database.unlink()
    restored(peopled, backup)
    kinds = [event.kind for event in peopled.events("alice")]
    assert kinds[-3:] == [EventKind.INCORRECT, EventKind.LOCKED, EventKind.RESTORED]
    user = peopled.user("alice")
    assert (user.attempt, user.locks_total, state_of(user)) == (None, 1, State.LOCKED)
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
        assert getattr(session.store.identity(), f"{kind}_key") == new
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
        assert session.store.identity().verify_key == new


def test_who_became_of_a_type_without_pins_has_none(peopled: Desk) -> None:
    """By the backup's data, whatever the version."""
    backup = backed_up(peopled)
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute("UPDATE people SET type = 'datapipe' WHERE login = 'alice'")
    assert restored(peopled, backup).withdrawn == 1
    assert peopled.user("alice").question is None
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
    untouched(peopled)


def test_a_store_that_is_held_is_not_taken_for_a_damaged_one(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has it open in a tool of theirs: exit 8, and it stays where it is."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
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
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    backup = backed_up(peopled)
    guess_wrong(peopled, "alice", 1)
    before = peopled.events()
    with closing(sqlite3.connect(peopled.database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM people").fetchall()
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
    """Half a copy, and a folder with one in it: the next restore clears them away."""
    backup = backed_up(peopled)
    folder, file = (unfinished_name(peopled.database) for _ in range(2))
    folder.mkdir()
    for path in (folder / "pincli.db", file):
        path.write_bytes(b"half")
    restored(peopled, backup)
    assert not folder.exists()
    assert not file.exists()


def test_paths_that_lead_nowhere(peopled: Desk) -> None:
    """Told in words, before anything is copied; a pipe is not waited for."""
    folder = peopled.store.parent
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    before = content(peopled.store)
    for path in (folder / ("x" * 300), folder / "a\0b", folder / "loop"):
        with pytest.raises(FileUnreadable):
            restored(peopled, path)
        with pytest.raises(FileUnreadable):
            backed_up(peopled, path)
    for path in (folder / "pipe", folder, folder / "none"):
        with pytest.raises(BackupUnavailable):
            restored(peopled, path)
    with pytest.raises(FileUnreadable):
        backed_up(peopled, "no/b.db")
    assert content(peopled.store) == before
