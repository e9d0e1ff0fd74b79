"""`pincli restore` undoes no security; the mark finds an old store put back, or a moved one."""
# ruff: noqa: S608  # names of columns are put together, values are bound

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pincli.operations.locks import unlock
from tests.operations.restoring import backed_up
from tests.store.attempting import left_open
from tests.support.contract import call
from tests.support.desk import Desk, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG, Forks, driven
from tests.support.failpoints import Plan
from tests.support.floor import content
from tests.support.kills import wrecks
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
from tests.support.turns import every_lasting

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


def test_taking_in_killed_at_every_step(desk: Desk, forks: Forks, tmp_path: Path) -> None:
    """Without a file too, a kill leaves the old store or the new one, whole."""
    desk.sql("UPDATE people SET failed_attempts = 0 WHERE login = 'alice'")
    words, files = ("restore", "--yes", "--json"), Plan(files=True)
    ends = []
    for wreck in wrecks(desk, forks, tmp_path / "n", *words, plan=files, choose=every_lasting):
        done = finding(wreck.desk) is None
        ends.append(done)
        if not done:
            assert wreck.point
            refused(wreck.desk)
            assert verified(wreck.desk, "bob")
            restored(wreck.desk)
        assert told(wreck.desk, "alice", RIGHT) == "uncollected"
        assert _record(wreck.desk, "alice", "failed_attempts") == (2,)
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


# The mark.


def _mark(desk: Desk) -> Path:
    (path,) = desk.keys.glob("mark-*")
    return path


def _finding(desk: Desk, name: str) -> str | None:
    checks = call(desk, "doctor --json").answer["checks"]
    (found,) = [check["finding"] for check in checks if check["what"] == name]
    return None if found is None else str(found)


def test_where_no_mark_can_be_made_the_verdict_is_given(desk: Desk, forks: Forks) -> None:
    """With a read-only keys folder verdicts are given all the same, and doctor says so."""
    _mark(desk).unlink()
    desk.keys.chmod(0o500)
    powerless = Plan(powerless=True)
    try:
        assert forks.verify(desk, "alice", WRONG, powerless).code == 3
        assert forks.verify(desk, "alice", RIGHT, powerless).code == 0
    finally:
        desk.keys.chmod(0o700)
    assert list(desk.keys.glob("mark-*")) == []
    assert "no mark" in (_finding(desk, "mark") or "")
    clean(desk)


@pytest.mark.parametrize("slot", [0, 4096])
def test_one_damaged_slot_leaves_the_other(desk: Desk, slot: int) -> None:
    """With either slot damaged work goes on, and a rollback by a few events is refused."""
    old = desk.database.read_bytes()
    for _ in range(3):
        assert told(desk, "bob", WRONG) == "incorrect"
    with _mark(desk).open("r+b") as file:
        file.seek(slot + 20)
        file.write(b"\xff\xff\xff\xff")
    desk.database.write_bytes(old)
    refused(desk, codes=("rolled_back",))


@pytest.mark.parametrize("attempts", [0, 1, 10])
def test_an_old_file_is_refused_however_little_it_lacks(desk: Desk, attempts: int) -> None:
    """A store back by one event, a charge or another user's attempts is read, and not written."""
    old = desk.database.read_bytes()
    for _ in range(attempts):
        assert told(desk, "alice", RIGHT) == "verified"
    left_open(desk, desk.user("bob"), WRONG)
    ((lacking,),) = desk.sql("SELECT count(*) FROM trail")
    desk.database.write_bytes(old)
    assert attempts or desk.sql("SELECT count(*) FROM trail") == [(lacking - 1,)]
    refused(desk, "bob", ("rolled_back",))
    assert call(desk, "status bob --json").code == 0
    assert call(desk, "audit list --json").code == 0
    assert _finding(desk, "mark") is not None
    restored(desk)
    for user in ("alice", "bob"):
        assert told(desk, user, RIGHT) == "uncollected"


def test_after_the_restore_the_old_mark_counts_no_more(desk: Desk) -> None:
    """A sealed `restored` event clears the mark that it names, even a read-only one."""
    old = desk.database.read_bytes()
    assert told(desk, "alice", WRONG) == "incorrect"
    marked = _mark(desk).read_bytes()
    desk.database.write_bytes(old)
    refused(desk, codes=("rolled_back",))
    restored(desk)
    _mark(desk).write_bytes(marked)
    assert told(desk, "alice", RIGHT) == "uncollected"
    assert _finding(desk, "mark") is None
    clean(desk)


def test_what_was_put_aside_is_refused_after_the_restore(desk: Desk) -> None:
    """The store from before the restore, put back, is refused as rolled back."""
    old = desk.database.read_bytes()
    assert told(desk, "alice", WRONG) == "incorrect"
    present = desk.database.read_bytes()
    desk.database.write_bytes(old)
    restored(desk)
    assert call(desk, "pin show alice --json").code == 0
    for file in (present, old):
        desk.database.write_bytes(file)
        refused(desk, codes=("rolled_back",))


def test_a_moved_store_keeps_everything(desk: Desk, tmp_path: Path) -> None:
    """At another path it is read and not written, until `restore` takes it in there."""
    there = Desk(tmp_path / "elsewhere", desk.keys)
    shutil.copytree(desk.store, there.store)
    refused(there, codes=("unavailable",))
    assert call(there, "status alice --json").code == 0
    assert call(there, "audit list --json").code == 0
    hint = call(there, "unlock alice --reason T-1 --json").answer["error"]["hint"]
    assert "pincli restore" in hint
    assert told(desk, "alice", WRONG) == "incorrect"  # the one that stayed goes on
    refused(there)
    # As the other has gone on since, none of its events is the mark.
    assert call(there, "restore --yes --json").answer["withdrawn"] == 2


def test_a_store_that_was_moved_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    """Its head is the mark, so every PIN and counter stays."""
    there = Desk(tmp_path / "elsewhere", desk.keys)
    desk.store.rename(there.store)
    before = there.sql("SELECT * FROM people")
    assert restored(there)["withdrawn"] == 0
    assert there.sql("SELECT * FROM people") == before
    assert verified(there, "alice")
    assert verified(there, "bob")
