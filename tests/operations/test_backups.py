"""Backups and restores: what is refused leaves every byte, and what is done is whole."""

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
from pincli.models import EventKind, Fault, Origin, Outcome, State
from pincli.operations import backups, keys, people, pins
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.verify import verify
from pincli.rules.lockout import state_of
from pincli.store.sqlite import copies
from pincli.store.sqlite.restore import restore as restoring
from tests.operations.restoring import backed_up, restored, untouched
from tests.store.attempting import charged, left_open, settled
from tests.support.desk import Desk, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG, guess_wrong
from tests.support.floor import content, copy_of

LEA = Origin("lea", "restore")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A store with alice and bob, and a rotation of each key behind it."""
    desk = new_desk(tmp_path_factory.mktemp("backups"))
    for kind in KeyKind:
        with desk.session() as session:
            keys.rotate(session, kind)
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    return desk


@pytest.fixture
def peopled(template: Desk, tmp_path: Path) -> Desk:
    """The same for one test alone."""
    return copy_of(template, tmp_path)


def outcome(desk: Desk, user: str, pin: str) -> Outcome:
    """What verify says."""
    with desk.session() as session:
        return verify(session, user, pin, None).outcome


def edited(backup: Path, statement: str) -> Path:
    """A backup into which somebody wrote."""
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.executescript(statement)
    return backup


def test_a_backup_lies_apart(peopled: Desk) -> None:
    """Not among store or keys, by whatever way the path leads there."""
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


def test_a_backup_beside_a_folder_of_like_name_is_allowed(peopled: Desk) -> None:
    """`store-backups` is not `store`."""
    folder = peopled.store.with_name("store-backups")
    folder.mkdir()
    backed_up(peopled, "store-backups/b.db")
    assert stat.S_IMODE((folder / "b.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("owner", "mode", "allowed"),
    [(0, 0o755, True), (0, 0o775, False), (0, 0o1777, False), (12345, 0o700, False)],
)
def test_a_backup_in_a_folder_of_others_is_refused(
    peopled: Desk, owner: int, mode: int, allowed: bool
) -> None:
    """Whoever may write there could put another file in its place, for the next restore."""
    folder = peopled.store.parent / "backups"
    folder.mkdir()
    folder.chmod(mode)
    if owner and os.geteuid() == 0:
        os.chown(folder, owner, -1)
    elif owner:
        pytest.skip("only root can give a folder away")
    if allowed:
        backed_up(peopled, "backups/b.db")
        return
    with pytest.raises(Refused) as raised:
        backed_up(peopled, "backups/b.db")
    assert raised.value.rule is Rule.FOLDER_OF_OTHERS
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("mode", "allowed"), [(0o755, True), (0o1777, True), (0o777, False)])
def test_a_backup_below_a_folder_of_others_is_refused(
    peopled: Desk, mode: int, allowed: bool
) -> None:
    """Who may write to a folder above could put another folder in its place; not in /tmp."""
    above = peopled.store.parent / "above"
    folder = above / "backups"
    folder.mkdir(parents=True)
    above.chmod(mode)
    if allowed:
        backed_up(peopled, "above/backups/b.db")
    else:
        with pytest.raises(Refused, match="others own"):
            backed_up(peopled, "above/backups/b.db")
    assert any(folder.iterdir()) is allowed


def test_nobody_waits_while_a_backup_is_synced_and_read(
    peopled: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk holds up no caller: the writer lock is free again once the pages are copied."""
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
    """Nothing of a key file's content, and no PIN in the clear."""
    data = backed_up(peopled).read_bytes()
    for path in [*peopled.keys.glob("*.key"), *peopled.keys.glob("*.pub")]:
        key = path.read_text().strip()
        assert key.encode() not in data
        assert bytes.fromhex(key) not in data
    for pin in peopled.pins.values():
        assert pin.encode() not in data


def _damaged(backup: Path, desk: Desk) -> None:
    size = 4096
    data = bytearray(backup.read_bytes())
    data[-size:] = b"\xa5" * size
    backup.write_bytes(data)


def _newer(backup: Path, desk: Desk) -> None:
    edited(backup, "PRAGMA user_version = 99")


def _unversioned(backup: Path, desk: Desk) -> None:
    edited(backup, "PRAGMA user_version = 0")


def _not_ours(backup: Path, desk: Desk) -> None:
    edited(backup, "PRAGMA application_id = 1")


def _edited(backup: Path, desk: Desk) -> None:
    edited(backup, "UPDATE trail SET agent = 'eve' WHERE number = 3")


def _no_table(backup: Path, desk: Desk) -> None:
    edited(backup, "DROP TABLE trail")


def _impossible(backup: Path, desk: Desk) -> None:
    edited(backup, "PRAGMA ignore_check_constraints = ON; UPDATE people SET failed_attempts = 7")


def _text(backup: Path, desk: Desk) -> None:
    backup.write_text("not a database at all, only a long enough text\n" * 100)


def _gone(backup: Path, desk: Desk) -> None:
    backup.unlink()


def _empty(backup: Path, desk: Desk) -> None:
    backup.write_bytes(b"")


def _cut(backup: Path, desk: Desk) -> None:
    backup.write_bytes(backup.read_bytes()[:8192])


def _folder(backup: Path, desk: Desk) -> None:
    backup.unlink()
    backup.mkdir()


def _another(backup: Path, desk: Desk) -> None:
    edited(backup, "UPDATE store SET store_id = 'another'")


REFUSED: dict[Callable[[Path, Desk], None], tuple[type[PincliError], Fault | None]] = {
    _damaged: (BackupRefused, None),
    _newer: (StoreUnavailable, Fault.NEWER),
    _unversioned: (StoreUnavailable, Fault.NOT_A_STORE),
    _not_ours: (StoreUnavailable, Fault.NOT_A_STORE),
    _edited: (BackupRefused, None),
    _another: (BackupRefused, None),
    _no_table: (StoreUnavailable, Fault.DAMAGED),
    _impossible: (StoreUnavailable, Fault.DAMAGED),
    _text: (StoreUnavailable, Fault.NOT_A_STORE),
    _gone: (StoreUnavailable, Fault.MISSING),
    _empty: (StoreUnavailable, Fault.NOT_A_STORE),
    _cut: (PincliError, None),
    _folder: (StoreUnavailable, None),
}


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("store", ["there", "gone"])
def test_a_bad_backup_is_refused_before_the_store_is_touched(
    peopled: Desk, spoil: Callable[[Path, Desk], None], store: str
) -> None:
    """Store and keys are byte for byte as they were, and nothing lies beside them."""
    backup = backed_up(peopled)
    spoil(backup, peopled)
    if store == "gone":
        peopled.database.unlink()
    before = content(peopled.store), content(peopled.keys)
    error, fault = REFUSED[spoil]
    with pytest.raises(error) as raised:
        restored(peopled, backup)
    if fault is not None:
        assert getattr(raised.value, "fault", None) is fault
    assert (content(peopled.store), content(peopled.keys)) == before


@pytest.mark.parametrize("name", ["verify.key", "audit.key", "portal.pub"])
@pytest.mark.parametrize("store", ["there", "gone"])
def test_a_backup_whose_key_is_missing_is_refused(peopled: Desk, name: str, store: str) -> None:
    """Nobody could be verified, shown a PIN or checked: said before the store is touched."""
    backup = backed_up(peopled)
    (peopled.keys / name).unlink()
    if store == "gone":
        peopled.database.unlink()
    before = content(peopled.store)
    with pytest.raises(KeysUnavailable):
        restored(peopled, backup)
    assert content(peopled.store) == before


def test_a_backup_whose_old_key_is_missing_is_refused(peopled: Desk) -> None:
    """Taken before a rotation, it needs the key of then."""
    backup = backed_up(peopled)
    old = peopled.user("alice").verify_key
    with peopled.session() as session:
        keys.rotate(session, KeyKind.VERIFY)
    (peopled.keys / f"verify-{old}.key").unlink()
    before = content(peopled.store)
    with pytest.raises(KeysUnavailable):
        restored(peopled, backup)
    assert content(peopled.store) == before


def test_a_backup_of_another_store_is_refused(peopled: Desk, tmp_path: Path) -> None:
    """With the same keys even, and nothing is changed."""
    other = new_desk(tmp_path / "other")
    backup = backed_up(other)
    for path in other.keys.iterdir():
        if path.name in ("verify.key", "audit.key", "portal.pub"):
            name, _, suffix = path.name.partition(".")
            with other.session(Need.WRITE) as session:
                key = session.keyring.present(path.name)
            shutil.copy(path, peopled.keys / f"{name}-{key.fingerprint}.{suffix}")
    before = content(peopled.store)
    with pytest.raises(Refused) as raised:
        restored(peopled, backup)
    assert raised.value.rule is Rule.ANOTHER_STORE
    assert content(peopled.store) == before


def test_the_replaced_store_is_kept_and_can_be_restored(peopled: Desk) -> None:
    """Aside lies the store as it was, with its trail; no PIN of it becomes valid again."""
    backup = backed_up(peopled)
    guess_wrong(peopled, "alice", 2)
    before = peopled.events()
    aside = Path(restored(peopled, backup).aside or "")
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    restored(peopled, aside)
    assert peopled.events()[: len(before)] == before
    assert peopled.user("alice").failed_attempts == 2
    assert outcome(peopled, "alice", RIGHT) is Outcome.UNCOLLECTED
    untouched(peopled)


def test_two_restores_within_a_second(peopled: Desk) -> None:
    """A script that restores twice in a row is not refused, and each replaced store is kept."""
    backup = backed_up(peopled)
    asides = [restored(peopled, backup).aside for _ in range(3)]
    assert len(set(asides)) == 3
    assert all(Path(aside or "").exists() for aside in asides)


def test_a_session_opened_before_a_restore_goes_on(peopled: Desk) -> None:
    """An agent's open desk works on, and sees what was brought back."""
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
    untouched(peopled)


def test_nothing_happened_since_and_everything_is_kept(peopled: Desk) -> None:
    """Both trails have one head: PINs, counters and locks are as they were."""
    guess_wrong(peopled, "bob", 6)
    backup = backed_up(peopled)
    before, users = peopled.events(), [peopled.user(name) for name in ("alice", "bob")]
    result = restored(peopled, backup)
    assert (result.withdrawn, result.changed, result.gone_users) == (0, 0, 0)
    assert [peopled.user(name) for name in ("alice", "bob")] == users
    events = peopled.events()
    assert events[:-1] == before
    head = f"{len(before)}:{before[-1].mac}"
    assert events[-1].reason == f"mark {head} aside {head}"
    untouched(peopled)
    assert outcome(peopled, "alice", RIGHT) is Outcome.VERIFIED


@pytest.mark.parametrize("store", ["there", "gone"])
@pytest.mark.parametrize("counter", [0, 4])
def test_a_record_behind_the_trail_loses_its_pin_and_no_more(
    peopled: Desk, store: str, counter: int
) -> None:
    """Somebody wrote it, or a bug: the backup is not refused, and nobody else is touched."""
    guess_wrong(peopled, "bob", 2)
    tampering = "UPDATE people SET failed_attempts = %d WHERE login = 'bob'"
    backup = edited(backed_up(peopled), tampering % counter)
    if store == "gone":
        peopled.database.unlink()
    result = restored(peopled, backup)
    assert result.withdrawn == (1 if store == "there" else 2)
    bob = peopled.user("bob")
    assert bob.failed_attempts == max(counter, 2)  # the stricter of record and trail
    assert (bob.question, bob.pin_version) == (None, 2)
    untouched(peopled)
    kept = Outcome.VERIFIED if store == "there" else Outcome.UNCOLLECTED
    assert outcome(peopled, "alice", RIGHT) is kept


def test_only_rows_are_brought_back(peopled: Desk) -> None:
    """Nothing of a schema that somebody else wrote: no trigger, no view, no table."""
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
    untouched(peopled)


@pytest.mark.parametrize(("pin", "misses"), [(RIGHT, 0), (WRONG, 1)])
def test_an_attempt_in_flight_is_over_with_a_restore(peopled: Desk, pin: str, misses: int) -> None:
    """Charged before, settled after: a miss has counted, nobody is verified, and none is open."""
    backup = backed_up(peopled)
    with peopled.session() as session:
        attempt = charged(session, peopled.user("alice"), pin)
        restored(peopled, backup)
        with pytest.raises(StoreUnavailable):
            settled(session, attempt)
    user = peopled.user("alice")
    assert (user.attempt, user.failed_attempts, user.question) == (None, misses, None)
    untouched(peopled)


def test_a_sixth_in_flight_locks(peopled: Desk) -> None:
    """In the present store: it has ended as a miss, and the lock is told."""
    backup = backed_up(peopled)
    guess_wrong(peopled, "alice", 5)
    left_open(peopled, peopled.user("alice"))
    restored(peopled, backup)
    user = peopled.user("alice")
    assert (state_of(user), user.locks_total) == (State.LOCKED, 1)
    event = peopled.events("alice")[-1]
    assert (event.kind, event.attempts_used) == (EventKind.RESTORED, 6)
    untouched(peopled)


def test_who_was_switched_off_since_stays_off(peopled: Desk) -> None:
    """By the present record, and the trail says so."""
    backup = backed_up(peopled)
    with peopled.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
    restored(peopled, backup)
    assert state_of(peopled.user("alice")) is State.INACTIVE
    assert peopled.events("alice")[-1].kind is EventKind.RESTORED
    untouched(peopled)


def test_a_backup_taken_in_mid_attempt_locks_nobody_by_halves(peopled: Desk) -> None:
    """The sixth was in flight and right: the user is free, or locked with all that goes with it."""
    guess_wrong(peopled, "alice", 5)
    with peopled.session() as session:
        attempt = charged(session, peopled.user("alice"), RIGHT)
        backup = backed_up(peopled)
        assert settled(session, attempt).outcome is Outcome.VERIFIED
    restored(peopled, backup)
    user = peopled.user("alice")
    if state_of(user) is State.LOCKED:
        assert user.locked_since is not None
        assert user.locks_total == 1
        assert EventKind.LOCKED in {event.kind for event in peopled.events("alice")}
    untouched(peopled)


def test_a_restore_without_a_store_withdraws_every_pin(peopled: Desk) -> None:
    """Nothing tells what was withdrawn since, so nobody verifies until they look again."""
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
    untouched(peopled)


def _wreck_pages(desk: Desk) -> None:
    data = bytearray(desk.database.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    desk.database.write_bytes(data)


def _wreck_text(desk: Desk) -> None:
    desk.database.write_text("what was a store\n" * 1000)


def _wreck_cut(desk: Desk) -> None:
    os.truncate(desk.database, 4096)


def _wreck_to_nothing(desk: Desk) -> None:
    desk.database.write_bytes(b"")


@pytest.mark.parametrize(
    "wreck",
    [_wreck_pages, _wreck_text, _wreck_cut, _wreck_to_nothing],
    ids=lambda wreck: wreck.__name__,
)
def test_a_damaged_store_is_moved_aside(peopled: Desk, wreck: Callable[[Desk], None]) -> None:
    """Whatever is left of it is kept, and every PIN is withdrawn."""
    backup = backed_up(peopled)
    wreck(peopled)
    remains = peopled.database.read_bytes()
    result = restored(peopled, backup)
    assert result.withdrawn == 2
    assert Path(result.aside or "").read_bytes() == remains
    assert outcome(peopled, "alice", RIGHT) is Outcome.UNCOLLECTED
    untouched(peopled)


def test_a_journal_that_a_lost_store_left_does_not_spoil_the_next(peopled: Desk) -> None:
    """A power cut leaves database and journal; the database goes, and the journal stays."""
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
    untouched(peopled)


@pytest.fixture
def younger(peopled: Desk) -> Path:
    """Of two backups the younger, with carol in it; the store is lost, and the older is back."""
    older = backed_up(peopled, "older.db")
    peopled.collected("carol", pin=RIGHT)
    path = backed_up(peopled, "younger.db")
    peopled.database.unlink()
    restored(peopled, older)
    return path


def test_no_pin_becomes_valid_by_a_younger_backup(peopled: Desk, younger: Path) -> None:
    """The present store knows nothing of carol, so her PIN is not trusted either."""
    restored(peopled, younger)
    assert outcome(peopled, "carol", RIGHT) is not Outcome.VERIFIED
    assert outcome(peopled, "alice", RIGHT) is not Outcome.VERIFIED
    untouched(peopled)


def test_the_trail_checks_after_a_rotation_and_a_younger_backup(
    peopled: Desk, younger: Path
) -> None:
    """The audit key of now signs what follows, and the trail says so."""
    with peopled.session() as session:
        keys.rotate(session, KeyKind.AUDIT)
    restored(peopled, younger)
    untouched(peopled)


def test_another_user_in_a_younger_backup_s_row_is_no_damage(peopled: Desk, younger: Path) -> None:
    """The rows are the backup's; who is not in it is gone, and that is told."""
    peopled.add("dave")
    assert restored(peopled, younger).gone_users == 1
    with peopled.session() as session:
        assert session.store.people.find("dave") == []
        assert session.store.people.find("carol") != []
    untouched(peopled)


def test_a_restored_backup_of_before_a_rotation_takes_the_keys_of_now(peopled: Desk) -> None:
    """A key that was rotated away does not come back into use."""
    backup = backed_up(peopled)
    for kind in KeyKind:
        with peopled.session() as session:
            keys.rotate(session, kind)
    with peopled.session(Need.WRITE) as session:
        identity = session.store.identity()
    restored(peopled, backup)
    with peopled.session(Need.WRITE) as session:
        assert session.store.identity() == identity
        new = pins.show(session, "bob").pin
    assert outcome(peopled, "bob", new) is Outcome.VERIFIED
    untouched(peopled)


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_writers_wait_meanwhile(peopled: Desk, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Only while pages are copied or replaced; not while records are compared and written."""
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
    """Whether another process finds the writer lock taken."""
    line = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), 2 | 4, 1)"  # LOCK_EX | LOCK_NB
    tried = subprocess.run(
        [sys.executable, "-c", line, str(desk.store / "pincli.lock")],
        capture_output=True,
        check=False,
    )
    return b"BlockingIOError" in tried.stderr
