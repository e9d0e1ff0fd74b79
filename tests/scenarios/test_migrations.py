"""Stores of version 1 are upgraded: nothing is lost, and nothing given away."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from pincli.errors import StoreBusy, StoreTampered, StoreUnavailable, Unavailable
from pincli.models import EventKind, Fault, Outcome, State, User
from pincli.operations import pins, upgrade
from pincli.operations.alerts import find_alerts
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail, parse_head
from pincli.rules.lockout import state_of
from pincli.rules.times import written
from pincli.store.sqlite import connection, lockfile, migrations, transaction
from pincli.store.sqlite import upgrade as steps
from pincli.store.sqlite.connection import SCHEMA_VERSION
from tests.store.processes import held_by_other
from tests.support.answered import verify
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk, new_desk
from tests.support.disks import small_disk_at
from tests.support.drive_upkeep_fixture import brought_back
from tests.support.driving import Forks
from tests.support.floor import (
    ACTIVE,
    FIVE_MISSES,
    GUEST,
    INACTIVE,
    INELIGIBLE,
    LOCKED,
    LOCKED_AND_INACTIVE,
    RIGHT,
    UNCOLLECTED,
    WRONG,
    content,
    copy_of,
)
from tests.support.kills import wrecks
from tests.support.turns import every_point
from tests.support.version_1 import AT, Version1
from tests.support.words import require_true_index

STATES = {
    ACTIVE: State.ACTIVE,
    FIVE_MISSES: State.ACTIVE,
    GUEST: State.ACTIVE,
    LOCKED: State.LOCKED,
    LOCKED_AND_INACTIVE: State.INACTIVE,
    INACTIVE: State.INACTIVE,
    UNCOLLECTED: State.UNCOLLECTED,
    INELIGIBLE: State.INELIGIBLE,
}
OLD_HEAD = "56:025c23a8032f86d98b509e723773f39ce308566b1bafbad4f0f0475c7ea786b4"
OLD_STATEMENTS = (
    "SELECT id, user, failed_attempts FROM users WHERE user = 'alice'",
    "UPDATE users SET failed_attempts = 0 WHERE id = 1",
    "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1",
    "INSERT INTO issued VALUES ('batch', 1)",
)


@pytest.fixture
def old(tmp_path: Path) -> Desk:
    """A store that version 1 made, with a user in every state and every key rotated once."""
    return brought_back(1, tmp_path)


@pytest.fixture
def version_1(tmp_path: Path) -> Iterator[Version1]:
    """A store of version 1, to be filled."""
    store = Version1(tmp_path)
    yield store
    store.close()


def version_of(desk: Desk) -> int:
    """The schema's version."""
    ((version,),) = desk.sql("PRAGMA user_version")
    return int(version)


def tables(desk: Desk) -> dict[str, str]:
    """The objects of the schema, by name."""
    return dict(desk.sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def dump(desk: Desk) -> list[str]:
    """Everything in the database, as SQL."""
    with closing(sqlite3.connect(desk.database)) as opened:
        return list(opened.iterdump())


def checked(desk: Desk, expected: str | None = None) -> str | None:
    """What `audit verify` finds."""
    with desk.session(Need.CHECK) as session:
        return check_trail(session, parse_head(expected) if expected else None).finding


def kinds(desk: Desk, login: str) -> list[EventKind]:
    """The user's events since the upgrade."""
    found = [event.kind for event in desk.events(login)]
    return found[found.index(EventKind.MIGRATED) :]


def upgraded(desk: Desk) -> None:
    """Upgrade a store, as the first command that writes does, and return its users."""
    with desk.session(Need.WRITE) as session:
        require_true_index(session.store)
    assert version_of(desk) == SCHEMA_VERSION


def refused(desk: Desk) -> Unavailable:
    """Why a store isn't upgraded; fail if one byte of it has changed."""
    before = content(desk.store)
    with pytest.raises(Unavailable) as raised, desk.session(Need.WRITE):
        pass
    assert content(desk.store) == before
    return raised.value


# What is kept.


def test_everybody_goes_on(old: Desk) -> None:
    """All users keep their state, PIN, counter and lock."""
    upgraded(old)
    assert {name: state_of(old.user(name)) for name in STATES} == STATES
    with old.session() as session:
        for user in (ACTIVE, GUEST):
            assert pins.show(session, user).pin == RIGHT
            assert verify(session, user, WRONG, None).outcome is Outcome.INCORRECT
            assert verify(session, user, RIGHT, None).outcome is Outcome.VERIFIED
            assert pins.show(session, user).pin == RIGHT
            assert verify(session, user, RIGHT, None).outcome is Outcome.VERIFIED
        assert verify(session, LOCKED, RIGHT, None).outcome is Outcome.LOCKED
        verdict = verify(session, FIVE_MISSES, WRONG, None)
        assert (verdict.outcome, verdict.state) == (Outcome.INCORRECT, State.LOCKED)
    assert checked(old) is None
    assert old.sql("PRAGMA integrity_check") == [("ok",)]
    assert old.sql("PRAGMA foreign_key_check") == []


def test_every_column_is_kept(old: Desk) -> None:
    """Row numbers, names, times and totals stay; each user gets a uid."""
    before = old.sql(
        "SELECT id, account, user, name, type, active, added_at, verify_key, sealed, portal_key, "
        "pin_set_at, pin_set_by, pin_version, failed_attempts, locked_since, last_locked_at, "
        "locks_total, attempts_total, last_attempt_at, last_attempt_by, last_verified_at, "
        "last_verified_by FROM users ORDER BY id"
    )
    created = old.sql("SELECT * FROM store")
    upgraded(old)
    assert before == old.sql(
        "SELECT id, account, login, display_name, type, active, added_at, verify_key, sealed, "
        "portal_key, pin_set_at, pin_set_by, pin_version, failed_attempts, locked_since, "
        "last_locked_at, locks_total, attempts_total, last_attempt_at, last_attempt_by, "
        "last_verified_at, last_verified_by FROM people ORDER BY id"
    )
    columns = "id, store_id, created_at, verify_key, audit_key, portal_key"
    assert created == old.sql(f"SELECT {columns} FROM store")  # noqa: S608
    assert old.sql("SELECT count(DISTINCT uid), count(DISTINCT blind) FROM people") == [
        (len(before), len(before))
    ]


def test_the_history_is_kept_in_order(old: Desk) -> None:
    """The old events stay, and the numbers of new ones follow theirs."""
    before = old.sql("SELECT * FROM events ORDER BY seq")
    upgraded(old)
    assert before == old.sql("SELECT * FROM old_events ORDER BY seq")
    events = old.events()
    assert [event.seq for event in events] == [*range(1, len(events) + 1)]
    assert [event.mac for event in events[: len(before)]] == [row[-1] for row in before]
    assert {event.kind for event in events[len(before) :]} == {EventKind.MIGRATED}
    assert events[len(before)].user is None
    assert (events[len(before)].reason or "").startswith(OLD_HEAD)
    lara = [event.kind for event in old.events(LOCKED)]
    assert (lara[0], lara[-2:]) == (EventKind.USER_ADDED, [EventKind.LOCKED, EventKind.MIGRATED])


def test_a_head_of_then_is_still_met(old: Desk) -> None:
    """`--expect-head` takes what version 1 printed, and notices another one."""
    upgraded(old)
    assert checked(old, OLD_HEAD) is None
    assert checked(old, OLD_HEAD.replace("a", "b")) == "the head is a different one"


def test_it_becomes_a_store_like_a_new_one(old: Desk, tmp_path: Path) -> None:
    """It has the tables, columns, checks and indexes that `init` makes, word for word."""
    upgraded(old)
    made = tables(new_desk(tmp_path / "new"))
    found = tables(old)
    assert {name: found[name] for name in made} == made
    assert found.keys() - made.keys() == {
        "old_events",
        "events_by_user",
        "events_by_time",
        "events_of_alarm",
    }


def test_users_of_many_pages(version_1: Version1, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are several pages of events and users, with gaps in the row numbers."""
    monkeypatch.setattr(steps, "PAGE", 3)
    names = [f"user{number}" for number in range(10)]
    for number, name in enumerate(names):
        version_1.add(name, pin=RIGHT if number % 3 else None, id=1 + number * number)
    version_1.miss("user7", 4)
    upgraded(version_1.desk)
    assert [version_1.desk.user(name).id for name in names] == [1 + n * n for n in range(10)]
    assert version_1.desk.user("user7").failed_attempts == 4
    assert checked(version_1.desk) is None
    with version_1.desk.session() as session:
        assert verify(session, "user7", RIGHT, None).outcome is Outcome.VERIFIED


# Attempts that were left open.


@pytest.mark.parametrize("misses", [0, 4, 5])
def test_an_attempt_that_was_left_open_is_a_miss(version_1: Version1, misses: int) -> None:
    """It counts as in version 1; the sixth is a lock, with its event and notice."""
    version_1.add(ACTIVE)
    version_1.miss(ACTIVE, misses)
    attempt = version_1.charge(ACTIVE)
    with version_1.desk.session(Need.WRITE) as session:
        (user,) = session.store.people.find(ACTIVE)
    sixth = misses == 5
    assert (user.failed_attempts, user.attempt) == (misses + 1, None)
    assert (user.locked_since is not None, user.locks_total) == (sixth, int(sixth))
    waiting = "SELECT t.kind FROM notices n JOIN trail t ON t.number = n.number"
    assert version_1.desk.sql(waiting) == [("locked",)] * sixth
    assert kinds(version_1.desk, ACTIVE) == [EventKind.MIGRATED, *[EventKind.LOCKED] * sixth]
    (event,) = [e for e in version_1.desk.events(ACTIVE) if e.kind is EventKind.MIGRATED]
    assert (event.attempt, event.outcome) == (attempt, "incorrect")
    assert checked(version_1.desk) is None


# Stores that aren't as version 1 left them.


def contradicted(version_1: Version1, login: str) -> User:
    """The upgraded user whose record contradicts the old trail; fail if a PIN is left."""
    version_1.add("bob")
    upgraded(version_1.desk)
    user = version_1.desk.user(login)
    assert user.question is None
    assert kinds(version_1.desk, login)[-1] is EventKind.PIN_WITHDRAWN
    assert checked(version_1.desk) is None
    with version_1.desk.session() as session:
        assert verify(session, "bob", RIGHT, None).outcome is Outcome.VERIFIED
    return user


def test_a_counter_put_back_costs_the_pin(version_1: Version1) -> None:
    """The trail's counter counts."""
    version_1.add(ACTIVE)
    version_1.miss(ACTIVE, 4)
    version_1.set(ACTIVE, failed_attempts=0)
    user = contradicted(version_1, ACTIVE)
    assert (user.failed_attempts, user.pin_version) == (4, 2)


def test_a_lock_taken_back_is_a_lock(version_1: Version1) -> None:
    """A locked user whose counter was put back is locked, and without a PIN."""
    version_1.add(ACTIVE)
    version_1.miss(ACTIVE, 6)
    version_1.set(ACTIVE, failed_attempts=0, locked_since=None)
    user = contradicted(version_1, ACTIVE)
    assert state_of(user) is State.LOCKED
    assert user.locked_since is not None


def test_a_false_alarm_costs_one_pin_only(version_1: Version1) -> None:
    """Version 1 could record a refusal with a stale counter; that stops no upgrade."""
    version_1.add(ACTIVE)
    version_1.miss(ACTIVE, 3)
    version_1.record(EventKind.REFUSED, ACTIVE, outcome="not_locked", used=5)
    assert contradicted(version_1, ACTIVE).failed_attempts == 5


def test_an_old_row_put_back_costs_the_pin(version_1: Version1) -> None:
    """The version becomes the highest ever, so no old seal or answer fits again."""
    version_1.add(ACTIVE)
    version_1.set(ACTIVE, pin_version=7)
    version_1.record(EventKind.PIN_CHANGED, ACTIVE)
    version_1.set(ACTIVE, pin_version=1)
    user = contradicted(version_1, ACTIVE)
    assert (user.pin_version, user.barred_version) == (8, 1)


def test_a_row_without_events_costs_the_pin(version_1: Version1) -> None:
    """A user who was inserted into the table stays, and has to open a PIN first."""
    version_1.add(ACTIVE)
    version_1.connection.execute(
        "INSERT INTO users SELECT 77, 'mallory', account, name, type, active, added_at, verifier, "
        "verify_key, sealed, portal_key, pin_set_at, pin_set_by, 1, 0, NULL, NULL, NULL, NULL, "
        "NULL, NULL, NULL, 0, 0 FROM users WHERE user = 'alice'"
    )
    contradicted(version_1, "mallory")


@pytest.mark.parametrize("column", ["verifier", "verify_key"])
def test_a_damaged_verifier_costs_the_pin(version_1: Version1, column: str) -> None:
    """What is not a verifier can't be converted, and bars no PIN."""
    version_1.add(ACTIVE)
    version_1.set(ACTIVE, **{column: "../nonsense"})
    user = contradicted(version_1, ACTIVE)
    assert (user.barred_question, user.barred_version, user.pin_version) == (None, None, 2)


EDITS: dict[str, tuple[str, str]] = {
    "a changed event": (
        "UPDATE events SET attempts_used = 0 WHERE seq = 27",
        "event 27: the event was changed or put here",
    ),
    "a broken mac": (
        "UPDATE events SET mac = 'x' WHERE seq = 30",
        "event 30: the event was changed or put here",
    ),
    "a missing event": ("DELETE FROM events WHERE seq = 20", "event 20: the event is missing"),
    "no first event": ("DELETE FROM events WHERE seq = 1", "event 1: the event is missing"),
    "no events": ("DELETE FROM events", "there are no events"),
    "a trigger": (
        "CREATE TRIGGER t AFTER UPDATE ON users BEGIN "
        "UPDATE users SET failed_attempts = 0 WHERE failed_attempts > 4; END",
        "there is a trigger t",
    ),
    "a view": ("CREATE VIEW v AS SELECT * FROM users", "there is a view v"),
    "a table": ("CREATE TABLE more (id)", "there is a foreign table more"),
    "no index": ("DROP INDEX users_locked", "the index users_locked is missing"),
    "no identity": ("DELETE FROM store", "the store's own row is missing"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_store_that_was_tampered_with_is_refused(old: Desk, edit: str) -> None:
    """The error says what was changed, and not one byte changes."""
    statement, finding = EDITS[edit]
    old.sql(statement)
    error = refused(old)
    assert isinstance(error, StoreTampered)
    assert error.detail == finding
    before = content(old.store)
    ran = call(old, "store upgrade --json")
    assert (ran.code, answer_of(ran)["error"]["code"]) == (8, "tampered")
    _, hint = error_of(call(old, "store upgrade"))
    assert "left as it is" in hint
    assert content(old.store) == before


def test_a_forged_index_hides_nothing(version_1: Version1) -> None:
    """A user's last event is found even if the index lacks it."""
    version_1.add(ACTIVE)
    version_1.miss(ACTIVE, 5)
    version_1.set(ACTIVE, failed_attempts=1)
    for statement in (
        "CREATE INDEX short ON events (user, seq) WHERE user IS NOT NULL AND seq <= 5",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET rootpage = "
        "(SELECT rootpage FROM sqlite_master WHERE name = 'short') WHERE name = 'events_by_user'",
        "DELETE FROM sqlite_master WHERE name = 'short'",
    ):
        version_1.connection.execute(statement)
    version_1.close()
    last = "SELECT max(seq) FROM events WHERE user = 'alice'"
    assert version_1.desk.sql(last) == [(5,)]
    upgraded(version_1.desk)
    assert version_1.desk.user(ACTIVE).failed_attempts == 5


# Keys.


@pytest.mark.parametrize(
    "name", ["audit.key", "audit-498ac501cf40eb95.key", "verify-37a45c96109bdab4.key"]
)
def test_a_missing_key_is_named(old: Desk, name: str) -> None:
    """Without a present or old key nothing changes; with the key the upgrade works."""
    raw = (old.keys / name).read_text()
    (old.keys / name).unlink()
    error = refused(old)
    assert (error.fault, error.path) == (Fault.MISSING, old.keys / name)
    (old.keys / name).write_text(raw)
    (old.keys / name).chmod(0o600)
    upgraded(old)


def test_another_audit_key_upgrades_nothing(old: Desk) -> None:
    """The audit key of another store is refused."""
    (old.keys / "audit.key").write_text("ab" * 32 + "\n")
    assert refused(old).fault is Fault.MISMATCH


# Who upgrades, and who doesn't.


def test_the_command_upgrades_once(old: Desk) -> None:
    """It says what it did; the second time there is nothing to do."""
    first = answer_of(call(old, "store upgrade --json"))
    assert first == {
        "pincli": 1,
        "command": "store upgrade",
        "ok": True,
        "upgraded": True,
        "users": 8,
        "events": 56,
        "withdrawn": 0,
        "locked": 0,
    }
    second = answer_of(call(old, "store upgrade --json"))
    assert {key: second[key] for key in ("upgraded", "users")} == {"upgraded": False, "users": 8}
    assert "up to date" in call(old, "store upgrade").out
    assert old.sql("SELECT count(*) FROM trail WHERE kind = 'migrated' AND uid IS NULL") == [(1,)]


def test_the_command_says_whose_pins_were_withdrawn(version_1: Version1) -> None:
    """It names the command that lists them."""
    version_1.add(ACTIVE)
    version_1.set(ACTIVE, failed_attempts=1)
    version_1.add("bob")
    version_1.miss("bob", 5)
    version_1.charge("bob")
    ran = call(version_1.desk, "store upgrade")
    assert ran.code == 0, ran
    assert "1 PIN withdrawn" in ran.out
    assert "1 locked" in ran.out
    assert "pincli audit list --kind pin_withdrawn" in ran.out


def test_many_users_wait_for_the_command(old: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller does not wait for minutes; the error names the command."""
    monkeypatch.setattr(upgrade, "MOST_ON_THE_WAY", 7)
    before = content(old.store)
    message, hint = error_of(call(old, f"verify {ACTIVE} --pin-stdin", f"{RIGHT}\n"))
    assert "8 users" in message
    assert "pincli store upgrade" in hint
    assert content(old.store) == before
    assert call(old, "store upgrade").code == 0
    assert call(old, f"verify {ACTIVE} --pin-stdin", f"{RIGHT}\n").code == 0


def test_reading_only_upgrades_nothing(old: Desk) -> None:
    """Lists, doctor and completion say that the store is old, or nothing."""
    before = content(old.store)
    for line in ("user list", "audit list", "audit verify", "keys list", "doctor"):
        ran = call(old, line)
        assert ran.code == 8, line
        assert "of an older pincli" in ran.out + ran.err
        assert "pincli store upgrade" in ran.out + ran.err
    assert call(old, "complete -- verify al").out == ""
    assert content(old.store) == before


def test_six_first_starters_at_once(old: Desk) -> None:
    """One of six processes upgrades the store, once, and all six go on."""
    with ExitStack() as stack:
        starters = [
            stack.enter_context(old.start("verify", ACTIVE, "--pin-stdin", "--json"))
            for _ in range(6)
        ]
        ended = [starter.communicate(f"{RIGHT}\n".encode(), 60) for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 6, ended
    assert old.sql("SELECT count(*) FROM trail WHERE kind = 'migrated' AND uid IS NULL") == [(1,)]
    assert checked(old) is None


# Version 1 is still running.


@pytest.mark.parametrize("byte", [0, 1, 8])
def test_it_waits_for_locks_of_version_1(
    old: Desk, byte: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a writer and for attempts in flight, and gives up with exit 8."""
    monkeypatch.setattr(lockfile, "LONGEST_WAIT", 0.3)
    with held_by_other(old.store / "pincli.lock", byte) as holder:
        error = refused(old)
        assert isinstance(error, StoreBusy)
        assert error.holder == holder.pid
        ran = call(old, "store upgrade --json")
        assert (ran.code, answer_of(ran)["error"]["code"]) == (8, "unavailable")
    upgraded(old)


def test_it_holds_every_lock_of_version_1(old: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program of version 1 can write or charge during the upgrade."""
    path = old.store / "pincli.lock"
    free: list[int] = []
    migrate = migrations.migrate

    def looked(opened: sqlite3.Connection) -> None:
        child = os.fork()
        if child == 0:
            os._exit(_locks_to_be_had(path))
        free.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        migrate(opened)

    monkeypatch.setattr(migrations, "migrate", looked)
    upgraded(old)
    assert free == [0]


def _locks_to_be_had(path: Path) -> int:
    had = 0
    with path.open("r+b") as file:
        for byte in (0, 1, 8, 4711, 2**62):
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
                had += 1
            except BlockingIOError:
                continue
    return had


def test_a_reader_in_the_middle_of_something_is_waited_for(
    old: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that does not end makes the whole upgrade fail."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.2)
    before = dump(old)
    with closing(sqlite3.connect(old.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users").fetchall()
        with pytest.raises(StoreBusy), old.session(Need.WRITE):
            pass
        assert reader.execute("SELECT count(*) FROM users").fetchall() == [(8,)]
        reader.execute("COMMIT")
    assert dump(old) == before
    upgraded(old)


@pytest.mark.parametrize("statement", OLD_STATEMENTS)
def test_a_program_of_version_1_that_is_still_open_fails_cleanly(old: Desk, statement: str) -> None:
    """Its tables are gone, so it neither reads nor writes a counter."""
    with closing(sqlite3.connect(old.database, isolation_level=None)) as opened:
        opened.execute("SELECT count(*) FROM users").fetchall()
        upgraded(old)
        before = dump(old)
        with pytest.raises(sqlite3.OperationalError):
            opened.execute(statement).fetchall()
    assert dump(old) == before


# Failing in the middle.


def test_killed_at_every_step(version_1: Version1, forks: Forks, tmp_path: Path) -> None:
    """A kill leaves the old store or the new one, and the same command finishes the job."""
    version_1.add(ACTIVE)
    version_1.miss(ACTIVE, 2)
    version_1.add("bob")
    version_1.miss("bob", 5)
    version_1.charge("bob")
    template = version_1.close()
    before = dump(template)
    seen, all_days = set(), partial(every_point, every=1)
    for wreck in wrecks(template, forks, tmp_path / "n", "store", "upgrade", choose=all_days):
        version = version_of(wreck.desk)
        seen.add(version)
        if version == 1:
            assert dump(wreck.desk) == before, wreck.point
        else:
            _goes_on(wreck.desk)
        assert call(wreck.desk, "store upgrade").code == 0, wreck.point
        _goes_on(wreck.desk)
    assert seen == {1, SCHEMA_VERSION}


def _goes_on(desk: Desk) -> None:
    """Fail unless all users have what they had, and the trail is whole."""
    alice, bob = desk.user(ACTIVE), desk.user("bob")
    assert (alice.failed_attempts, alice.locked_since) == (2, None)
    assert (bob.failed_attempts, bob.locks_total) == (6, 1)
    assert checked(desk) is None
    assert desk.sql("PRAGMA integrity_check") == [("ok",)]
    with desk.session(Need.COMPARE, Need.SET_PIN) as session:
        key = session.verify_key(alice.verify_key or "")
        assert session.answers.answer(alice.question or "", key, alice.uid, 1, RIGHT)


def test_a_full_disk_leaves_the_old_store(tmp_path: Path) -> None:
    """Exit 8 wherever space runs out; with space it works."""
    old = Version1(tmp_path / "old")
    old.add(ACTIVE)
    old.populate(300, 2000)
    template = old.close()
    before = dump(template)
    size = template.database.stat().st_size // 1024
    for room in (16, 64, 256):
        with small_disk_at(tmp_path / f"disk-{room}", size + room) as disk:
            desk = copy_of(template, disk)
            ran = desk.run("store", "upgrade", "--json")
            assert (ran.code, ran.answer["error"]["code"]) == (8, "unavailable"), ran
            assert "disk is full" in ran.answer["error"]["message"]
            assert dump(desk) == before


@pytest.mark.parametrize("fault", ["SELECT * FROM nowhere", "CREATE TABLE more (id)"])
def test_an_upgrade_that_fails_changes_nothing(
    old: Desk, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """After an error or a foreign schema all is rolled back; the next start upgrades the store."""
    migrate = migrations.migrate

    def halfway(opened: sqlite3.Connection) -> None:
        migrate(opened)
        opened.execute(fault)

    before = dump(old)
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "migrate", halfway)
        with pytest.raises(StoreUnavailable), old.session(Need.WRITE):
            pass
    assert dump(old) == before
    upgraded(old)


def test_signs_count_what_happened_before_the_upgrade(version_1: Version1) -> None:
    """Signs count locks, unlocks and wrong answers of the old trail too."""
    for login in ("alice", "bob", "carol"):
        version_1.add(login)
    version_1.miss("alice", 6)
    version_1.set("alice", failed_attempts=0, locked_since=None)
    version_1.record(EventKind.UNLOCKED, "alice")
    version_1.miss("alice", 3)
    version_1.miss("bob")
    old = version_1.close()
    upgraded(old)
    noon = datetime.fromisoformat(AT) + timedelta(hours=4)
    with pytest.MonkeyPatch.context() as patch, old.session() as session:
        patch.setattr(transaction, "utc_now", lambda: written(noon))
        for user in ("alice",) * 3 + ("carol",):
            verify(session, user, WRONG, None)
        signs = find_alerts(session, now=noon + timedelta(minutes=20)).signs
        failures = find_alerts(session, now=noon).failures
    found = {(each.sign, each.name): (each.counted, each.failures) for each in signs}
    assert found["locked_again", "alice"] == (2, 2)
    assert found["failing_after_unlock", "alice"] == (6, 6)
    assert found["day", "acme"] == (3, 14)
    assert sum(each.failures for each in failures) == 14
