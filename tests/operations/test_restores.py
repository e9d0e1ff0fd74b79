"""Restores with parted histories, or without a store: no withdrawn PIN comes back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pincli.errors import BackupUnavailable, FileUnreadable, Refused, Rule, StoreUnavailable
from pincli.models import EventKind, Fault, Outcome, State
from pincli.operations import keys, people, pins
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.verify import verify
from pincli.rules.lockout import state_of
from pincli.store.sqlite import connection
from pincli.store.sqlite.restore import records, sources
from pincli.store.sqlite.restore import restore as restoring
from pincli.store.sqlite.temporary_files import unfinished_name
from tests.operations.restoring import backed_up, outcome, require_intact, restored
from tests.store.attempting import left_open
from tests.support.desk import Desk, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG, guess_wrong
from tests.support.floor import content


@pytest.fixture
def peopled(desk: Desk) -> Desk:
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    return desk


def put_back(desk: Desk, path: Path) -> None:
    """Replace the store with an older copy behind pincli's back, and remove its mark."""
    for mark in desk.keys.glob("mark-*"):
        mark.unlink()
    desk.database.unlink()
    shutil.copy(path, desk.database)


def test_a_store_may_be_older_than_the_backup(peopled: Desk) -> None:
    """The longer trail stays, and neither old keys nor PINs come back."""
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
    require_intact(peopled)


def test_of_two_parted_trails_the_backups_goes_on(peopled: Desk) -> None:
    """The other one's head is noted, and its wrong answers count."""
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
    require_intact(peopled)


def test_of_two_pins_of_one_version_neither_is_valid(peopled: Desk) -> None:
    """The next version is above both."""
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
    require_intact(peopled)


def test_an_answer_during_a_restore_withdraws_all_pins(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restore begins again, as something has happened since the backup."""
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
    require_intact(peopled)


def test_a_restore_without_a_file_keeps_answers_meanwhile(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The long search is done once, and other users don't change."""
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
    require_intact(peopled)


def test_rows_are_those_of_the_backup(peopled: Desk) -> None:
    """Users that only the present store has are gone."""
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
    require_intact(peopled)


def test_without_a_store_open_attempts_are_ended(peopled: Desk) -> None:
    """A wrong sixth one locks."""
    guess_wrong(peopled, "alice", 5)
    left_open(peopled, peopled.user("alice"))
    backup = backed_up(peopled)
    peopled.database.unlink()
    restored(peopled, backup)
    kinds = [event.kind for event in peopled.events("alice")]
    assert kinds[-3:] == [EventKind.INCORRECT, EventKind.LOCKED, EventKind.RESTORED]
    user = peopled.user("alice")
    assert (user.attempt, user.locks_total, state_of(user)) == (None, 1, State.LOCKED)
    require_intact(peopled)


@pytest.mark.parametrize("kind", KeyKind)
def test_without_a_store_a_rotated_key_stays_rotated(peopled: Desk, kind: KeyKind) -> None:
    """The old one may have leaked; the trail names the new one."""
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
    require_intact(peopled)


def test_a_killed_rotation_before_the_backup_is_recognised(peopled: Desk) -> None:
    """The store's key has the name with its fingerprint."""
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


def test_restores_at_once_without_a_store(peopled: Desk) -> None:
    """They run one after the other."""
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
    require_intact(peopled)


def test_a_backup_of_another_store_under_the_same_keys_is_refused(
    peopled: Desk, tmp_path: Path
) -> None:
    """Sound, and sealed by keys that are valid here: only the store's id is another one."""
    other = new_desk(tmp_path / "other")
    backup = backed_up(other)
    for path in (other.keys / name for name in ("verify.key", "audit.key", "portal.pub")):
        with other.session(Need.WRITE) as session:
            fingerprint = session.keyring.present(path.name).fingerprint
        shutil.copy(path, peopled.keys / f"{path.stem}-{fingerprint}{path.suffix}")
    before = content(peopled.store)
    with pytest.raises(Refused) as raised:
        restored(peopled, backup)
    assert raised.value.rule is Rule.ANOTHER_STORE
    assert content(peopled.store) == before


@pytest.mark.parametrize("begun", ["BEGIN EXCLUSIVE", "BEGIN; SELECT count(*) FROM people"])
def test_a_store_held_by_another_tool_is_not_damaged(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    """Exit 8; the store stays in place, and the writer lock is released."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    backup = backed_up(peopled)
    guess_wrong(peopled, "alice", 1)
    before = peopled.database.read_bytes()
    with closing(sqlite3.connect(peopled.database, isolation_level=None)) as other:
        for statement in begun.split("; "):
            other.execute(statement).fetchall()
        with pytest.raises(StoreUnavailable) as raised:
            restored(peopled, backup)
        other.execute("ROLLBACK")
    assert raised.value.fault is Fault.BUSY
    assert peopled.database.read_bytes() == before
    restored(peopled, backup)
    require_intact(peopled)


@pytest.mark.parametrize("what", ["damaged", "gone"])
def test_a_desk_with_the_replaced_store_open_gets_an_error(peopled: Desk, what: str) -> None:
    """It must not write into the old file or leave a journal."""
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
    require_intact(peopled)


def test_leftovers_of_a_killed_restore_are_removed(peopled: Desk) -> None:
    """By the next one."""
    backup = backed_up(peopled)
    folder, file = (unfinished_name(peopled.database) for _ in range(2))
    folder.mkdir()
    for path in (folder / "pincli.db", file):
        path.write_bytes(b"half")
    restored(peopled, backup)
    assert not folder.exists()
    assert not file.exists()


def test_unusable_paths_are_refused(peopled: Desk) -> None:
    """Before anything is copied; a pipe is not waited for."""
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
