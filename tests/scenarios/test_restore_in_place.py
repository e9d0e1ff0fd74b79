"""`pincli restore`, with and without a file: it undoes no security."""
# ruff: noqa: S608  # names of columns are put together, values are bound

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pincli.operations import keys, people, pins
from pincli.operations.keys import KeyKind
from pincli.operations.locks import unlock
from tests.operations.restoring import backed_up
from tests.store.attempting import left_open
from tests.support.desk import Desk, new_desk
from tests.support.drive_upkeep import UpkeepForks, wrecks
from tests.support.driving import OTHER, RIGHT, WRONG, driven
from tests.support.failpoints import Plan
from tests.support.floor import content
from tests.support.tampering import (
    UNAVAILABLE,
    clean,
    finding,
    refused,
    restore,
    restored,
    told,
    verified,
)

SIX = 6


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A store with alice, who has two misses, and bob."""
    desk = new_desk(tmp_path)
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    for _ in range(2):
        assert told(desk, "alice", WRONG) == "incorrect"
    return desk


def _record(desk: Desk, user: str, *columns: str) -> tuple[Any, ...]:
    (row,) = desk.sql(f"SELECT {', '.join(columns)} FROM people WHERE login = ?", user)
    return row


def _edit(backup: Path, statement: str) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute(statement)
        connection.commit()


def test_nothing_has_happened_since(desk: Desk) -> None:
    """Backup, mark and store have one head: every record stays, and the trail goes on."""
    backup = backed_up(desk)
    before = desk.sql("SELECT * FROM people")
    assert restored(desk, backup)["withdrawn"] == 0
    assert desk.sql("SELECT * FROM people") == before
    assert desk.sql("SELECT kind FROM trail ORDER BY number DESC LIMIT 2")[0] != ("restored",)
    assert verified(desk, "alice")
    assert verified(desk, "bob")


@pytest.mark.parametrize(("pin", "code"), [(RIGHT, "verified"), (WRONG, "incorrect")])
def test_an_open_attempt_is_kept_where_nothing_has_happened(
    desk: Desk, pin: str, code: str
) -> None:
    """The next command ends it with the outcome that its own process would have got."""
    left_open(desk, desk.user("alice"), pin)
    assert restored(desk, backed_up(desk))["withdrawn"] == 0
    assert _record(desk, "alice", "failed_attempts", "attempt IS NULL") == (3, 0)
    assert told(desk, "alice", WRONG) == "incorrect"
    ended = desk.sql("SELECT kind FROM trail WHERE attempt IS NOT NULL ORDER BY number")
    assert ended[-2:] == [(code,), ("incorrect",)]
    clean(desk)


def test_what_was_released_since_stays_strict(desk: Desk) -> None:
    """The backup's counter counts too: a lock that was released since is back."""
    for _ in range(4):
        assert told(desk, "alice", WRONG) == "incorrect"
    backup = backed_up(desk)
    with desk.session() as session:
        unlock(session, "alice", "she asked")
    restored(desk, backup)
    assert _record(desk, "alice", "failed_attempts", "locks_total") == (SIX, 1)
    assert told(desk, "alice", RIGHT) == "locked"


def test_locks_totals_and_deactivations_are_those_of_now(desk: Desk) -> None:
    """They are kept, though the events since the backup are gone from the trail."""
    backup = backed_up(desk)
    for _ in range(4):
        assert told(desk, "alice", WRONG) == "incorrect"
    with desk.session() as session:
        people.set_active(session, "bob", active=False, reason="he left")
    restored(desk, backup)
    assert told(desk, "alice", RIGHT) == "locked"
    assert _record(desk, "alice", "failed_attempts", "locks_total", "attempts_total") == (SIX, 1, 6)
    assert told(desk, "bob", OTHER) == "inactive"


@pytest.mark.parametrize("in_backup", [None, RIGHT, WRONG])
@pytest.mark.parametrize("in_present", [None, RIGHT, WRONG])
def test_open_attempts_on_both_sides(
    desk: Desk, in_backup: str | None, in_present: str | None
) -> None:
    """The backup's ends as by a withdrawal, the present one first; the stricter counts."""
    counters = {None: 2, RIGHT: 0, WRONG: 3}
    if in_backup is not None:
        left_open(desk, desk.user("alice"), in_backup)
    backup = backed_up(desk)
    assert told(desk, "bob", WRONG) == "incorrect"
    present = counters[in_backup]
    if in_present is not None:
        left_open(desk, desk.user("alice"), in_present)
        present = 0 if in_present == RIGHT else present + 1
    elif in_backup is not None:
        present = counters[in_backup]  # still open there, and ended as it would have been
    restored(desk, backup)
    record = _record(desk, "alice", "failed_attempts", "attempt")
    assert record == (max(counters[in_backup], present), None)
    outcomes = desk.sql("SELECT kind, outcome FROM trail WHERE attempt IS NOT NULL")
    assert len(outcomes) == 2 + (in_backup is not None)
    if in_backup == RIGHT:
        assert outcomes[-1] == ("refused", "uncollected")
    assert told(desk, "alice", RIGHT) == "uncollected"


def test_keys_that_were_rotated_since(desk: Desk) -> None:
    """The store names the present keys and goes on; old keys only check what they made."""
    backup = backed_up(desk)
    for kind in KeyKind:
        with desk.session() as session:
            keys.rotate(session, kind)
    names = desk.sql("SELECT verify_key, audit_key, portal_key FROM store")
    restored(desk, backup)
    assert desk.sql("SELECT verify_key, audit_key, portal_key FROM store") == names
    with desk.session() as session:
        pin = pins.show(session, "alice").pin
    assert told(desk, "alice", pin) == "verified"
    clean(desk)


def test_a_present_store_whose_id_was_edited_is_no_other_store(desk: Desk) -> None:
    """Every write refuses it as tampered; a backup replaces it and gives no guess back."""
    backup = backed_up(desk)
    assert told(desk, "alice", WRONG) == "incorrect"
    desk.sql("UPDATE store SET store_id = '00000000000000000000000000000000'")
    refused(desk)
    assert restored(desk, backup)["withdrawn"] == 2
    assert _record(desk, "alice", "failed_attempts") == (3,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE people SET failed_attempts = 0 WHERE login = 'alice'",
        "UPDATE people SET pin_check = zeroblob(32) WHERE login = 'alice'",
        "UPDATE people SET seal = zeroblob(32) WHERE login = 'alice'",
        "UPDATE people SET display_name = 'Mallory' WHERE login = 'alice'",
    ],
)
def test_a_record_that_was_changed_in_the_backup(desk: Desk, statement: str) -> None:
    """Its PIN is withdrawn, with the trail's counter; all other users keep theirs."""
    backup = backed_up(desk)
    _edit(backup, statement)
    assert restored(desk, backup)["withdrawn"] == 1
    assert told(desk, "alice", RIGHT) == "uncollected"
    assert _record(desk, "alice", "failed_attempts") == (2,)
    assert verified(desk, "bob")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM trail WHERE number = 4",
        "UPDATE trail SET counter = 0 WHERE counter = 2",
        "UPDATE trail SET seal = NULL WHERE number = (SELECT max(number) FROM trail)",
        "UPDATE trail SET link = zeroblob(32) WHERE number = 4",
        "UPDATE store SET start_seal = zeroblob(32)",
        "INSERT INTO texts VALUES (4, x'00', 'a', 'b', 'c')",
    ],
)
def test_a_backup_whose_trail_is_not_whole(desk: Desk, statement: str) -> None:
    """It is refused, and every byte of the present store stays."""
    backup = backed_up(desk)
    _edit(backup, statement)
    before = content(desk.store)
    assert restore(desk, backup).code == UNAVAILABLE
    assert content(desk.store) == before
    assert verified(desk, "alice")


def test_a_present_store_that_breaks_its_bounds_is_compared_all_the_same(desk: Desk) -> None:
    """A store with a counter out of bounds can still be read."""
    backup = backed_up(desk)
    for _ in range(2):
        assert told(desk, "alice", WRONG) == "incorrect"
    with closing(sqlite3.connect(desk.database)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE people SET failed_attempts = -3 WHERE login = 'bob'")
        connection.commit()
    refused(desk, "bob")
    restored(desk, backup)
    assert _record(desk, "alice", "failed_attempts") == (4,)


def test_taking_in_killed_at_every_step(tmp_path: Path) -> None:
    """Without a file too, a kill leaves the old store or the new one, whole."""
    with UpkeepForks() as forks:
        desk = new_desk(tmp_path / "made")
        desk.collected("alice", pin=RIGHT)
        desk.collected("bob", pin=OTHER)
        assert told(desk, "alice", WRONG) == "incorrect"
        desk.sql("UPDATE people SET failed_attempts = 0 WHERE login = 'alice'")
        ends = []
        for wreck in wrecks(desk, forks, tmp_path, "restore", "--yes", "--json"):
            done = finding(wreck.desk) is None
            ends.append(done)
            if not done:
                assert not wreck.whole
                refused(wreck.desk)
                assert verified(wreck.desk, "bob")
                restored(wreck.desk)
            assert told(wreck.desk, "alice", RIGHT) == "uncollected"
            assert _record(wreck.desk, "alice", "failed_attempts") == (1,)
            assert verified(wreck.desk, "bob")
            clean(wreck.desk)
        assert any(ends)


@pytest.mark.parametrize("with_file", [True, False])
def test_nobody_is_held_up_while_it_is_worked_out(desk: Desk, with_file: bool) -> None:
    """Others verify while a restore works, and it takes their attempts in."""
    backup = [str(backed_up(desk))] if with_file else []
    plan = Plan(at=(("sql:ATTACH", "pause"), ("sql:DETACH", "pause")))
    with driven(desk, "restore", *backup, "--yes", "--json", plan=plan) as run:
        for turn in range(2):
            run.await_pause()
            assert desk.verify("alice", WRONG).answer["attempts_left"] == SIX - 3 - turn
            run.go_on()
        ended = run.end()
    assert ended.code == 0, ended
    assert _record(desk, "alice", "failed_attempts") == (4,)
    assert ended.answer["withdrawn"] == (2 if with_file else 0)
    clean(desk)
