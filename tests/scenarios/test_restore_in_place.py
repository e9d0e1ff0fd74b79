"""`pincli restore`, with and without a file, by whole processes: it undoes no security."""
# ruff: noqa: S608  # names of columns are put together, values are bound

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk import Desk, killed, new_desk
from tests.support.drive_upkeep import UpkeepForks, wrecks
from tests.support.driving import OTHER, RIGHT, WRONG, Forks, driven
from tests.support.failpoints import Plan
from tests.support.floor import content
from tests.support.tampering import UNAVAILABLE, audit, clean, refused, taken_in, verified

SIX = 6
UNKNOWN = 6
KILLED = Plan(at=(("settle", "kill"),))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A store with alice, who has two misses, and bob."""
    desk = new_desk(tmp_path)
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    for _ in range(2):
        assert desk.verify("alice", WRONG).code == 3
    return desk


def _backup(desk: Desk, name: str = "backup.db") -> Path:
    path = desk.store.parent / name
    assert desk.run("backup", str(path), "--json").code == 0
    return path


def _restored(desk: Desk, backup: Path) -> dict[str, Any]:
    """Bring a backup back, and fail if anything is wrong afterwards."""
    ran = desk.run("restore", str(backup), "--yes", "--json")
    assert ran.code == 0, ran
    clean(desk)
    return ran.answer


def _record(desk: Desk, user: str, *columns: str) -> tuple[Any, ...]:
    (row,) = desk.sql(f"SELECT {', '.join(columns)} FROM people WHERE login = ?", user)
    return row


def _edit(backup: Path, statement: str) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute(statement)
        connection.commit()


def test_nothing_has_happened_since(desk: Desk) -> None:
    """Backup, mark and store have one head: every record stays, and the trail goes on."""
    backup = _backup(desk)
    before = desk.sql("SELECT * FROM people")
    assert _restored(desk, backup)["withdrawn"] == 0
    assert desk.sql("SELECT * FROM people") == before
    assert desk.sql("SELECT kind FROM trail ORDER BY number DESC LIMIT 2")[0] != ("restored",)
    assert verified(desk, "alice")
    assert verified(desk, "bob")


@pytest.mark.parametrize(("pin", "code"), [(RIGHT, "verified"), (WRONG, "incorrect")])
def test_an_open_attempt_is_kept_where_nothing_has_happened(
    desk: Desk, forks: Forks, pin: str, code: str
) -> None:
    """The next command ends it with the outcome that its own process would have got."""
    assert killed(forks.verify(desk, "alice", pin, KILLED).code)
    assert _restored(desk, _backup(desk))["withdrawn"] == 0
    assert _record(desk, "alice", "failed_attempts", "attempt IS NULL") == (3, 0)
    assert desk.verify("alice", WRONG).answer["outcome"] == "incorrect"
    ended = desk.sql("SELECT kind FROM trail WHERE attempt IS NOT NULL ORDER BY number")
    assert ended[-2:] == [(code,), ("incorrect",)]
    clean(desk)


def test_something_has_happened_since(desk: Desk) -> None:
    """Every user's PIN is withdrawn, and the stricter counters count."""
    backup = _backup(desk)
    for _ in range(2):
        assert desk.verify("alice", WRONG).code == 3
    assert _restored(desk, backup)["withdrawn"] == 2
    assert _record(desk, "alice", "failed_attempts", "attempts_total") == (4, 4)
    for user, pin in (("alice", RIGHT), ("bob", OTHER)):
        assert desk.verify(user, pin).answer["outcome"] == "uncollected"


def test_what_was_released_since_stays_strict(desk: Desk) -> None:
    """The backup's counter counts too: a lock that was released since is back."""
    for _ in range(4):
        assert desk.verify("alice", WRONG).code == 3
    backup = _backup(desk)
    assert desk.run("unlock", "alice", "--reason", "she asked", "--json").code == 0
    _restored(desk, backup)
    assert _record(desk, "alice", "failed_attempts", "locks_total") == (SIX, 1)
    assert desk.verify("alice", RIGHT).answer["outcome"] == "locked"


def test_locks_totals_and_deactivations_are_those_of_now(desk: Desk) -> None:
    """They are kept, though the events since the backup are gone from the trail."""
    backup = _backup(desk)
    for _ in range(4):
        assert desk.verify("alice", WRONG).code == 3
    assert desk.run("user", "deactivate", "bob", "--reason", "he left", "--json").code == 0
    _restored(desk, backup)
    assert desk.verify("alice", RIGHT).answer["outcome"] == "locked"
    assert _record(desk, "alice", "failed_attempts", "locks_total", "attempts_total") == (SIX, 1, 6)
    assert desk.verify("bob", OTHER).answer["outcome"] == "inactive"


def test_users_of_one_side_only(desk: Desk) -> None:
    """Users added since the backup are gone and counted; users only in the backup are back."""
    backup = _backup(desk)
    added = ("user", "add", "carol", "--account", "acme", "--name", "Carol", "--json")
    ran = desk.run(*added)
    assert ran.code == 0, ran
    younger = _backup(desk, "younger.db")
    assert _restored(desk, backup)["gone_users"] == 1
    assert desk.verify("carol", RIGHT).code == UNKNOWN
    assert _restored(desk, younger)["gone_users"] == 0
    assert desk.verify("carol", RIGHT).answer["outcome"] == "uncollected"
    assert desk.verify("alice", RIGHT).answer["outcome"] == "uncollected"


@pytest.mark.parametrize("in_backup", [None, RIGHT, WRONG])
@pytest.mark.parametrize("in_present", [None, RIGHT, WRONG])
def test_open_attempts_on_both_sides(
    desk: Desk, forks: Forks, in_backup: str | None, in_present: str | None
) -> None:
    """The backup's ends as by a withdrawal, the present one first; the stricter counts."""
    counters = {None: 2, RIGHT: 0, WRONG: 3}
    if in_backup is not None:
        assert killed(forks.verify(desk, "alice", in_backup, KILLED).code)
    backup = _backup(desk)
    assert desk.verify("bob", WRONG).code == 3
    present = counters[in_backup]
    if in_present is not None:
        assert killed(forks.verify(desk, "alice", in_present, KILLED).code)
        present = 0 if in_present == RIGHT else present + 1
    elif in_backup is not None:
        present = counters[in_backup]  # still open there, and ended as it would have been
    _restored(desk, backup)
    record = _record(desk, "alice", "failed_attempts", "attempt")
    assert record == (max(counters[in_backup], present), None)
    outcomes = desk.sql("SELECT kind, outcome FROM trail WHERE attempt IS NOT NULL")
    assert len(outcomes) == 2 + (in_backup is not None)
    if in_backup == RIGHT:
        assert outcomes[-1] == ("refused", "uncollected")
    assert desk.verify("alice", RIGHT).answer["outcome"] == "uncollected"


def test_keys_that_were_rotated_since(desk: Desk) -> None:
    """The store names the present keys and goes on; old keys only check what they made."""
    backup = _backup(desk)
    for kind in ("--verify", "--audit", "--portal"):
        ran = desk.run("keys", "rotate", kind, "--json")
        assert ran.code == 0, ran
    names = desk.sql("SELECT verify_key, audit_key, portal_key FROM store")
    _restored(desk, backup)
    assert desk.sql("SELECT verify_key, audit_key, portal_key FROM store") == names
    pin = desk.run("pin", "show", "alice", "--json").answer["pin"]
    assert desk.verify("alice", pin).code == 0
    clean(desk)


def test_a_backup_of_another_store(desk: Desk, tmp_path: Path) -> None:
    """It is refused even with the same keys, and nothing changes."""
    other = new_desk(tmp_path / "other")
    foreign = _backup(other)
    before = content(desk.store)
    assert desk.run("restore", str(foreign), "--yes", "--json").code == UNAVAILABLE
    assert content(desk.store) == before
    alike = _backup(desk)
    _edit(alike, "UPDATE store SET store_id = '00000000000000000000000000000000'")
    assert desk.run("restore", str(alike), "--yes", "--json").code == UNAVAILABLE
    assert content(desk.store) == before
    assert verified(desk, "alice")


def test_a_present_store_whose_id_was_edited_is_no_other_store(desk: Desk) -> None:
    """Every write refuses it as tampered; a backup replaces it and gives no guess back."""
    backup = _backup(desk)
    assert desk.verify("alice", WRONG).code == 3
    desk.sql("UPDATE store SET store_id = '00000000000000000000000000000000'")
    refused(desk)
    assert _restored(desk, backup)["withdrawn"] == 2
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
    backup = _backup(desk)
    _edit(backup, statement)
    assert _restored(desk, backup)["withdrawn"] == 1
    assert desk.verify("alice", RIGHT).answer["outcome"] == "uncollected"
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
    backup = _backup(desk)
    _edit(backup, statement)
    before = content(desk.store)
    ran = desk.run("restore", str(backup), "--yes", "--json")
    assert ran.code == UNAVAILABLE, ran
    assert content(desk.store) == before
    assert verified(desk, "alice")


def test_a_present_store_that_breaks_its_bounds_is_compared_all_the_same(desk: Desk) -> None:
    """A store with a counter out of bounds can still be read."""
    backup = _backup(desk)
    for _ in range(2):
        assert desk.verify("alice", WRONG).code == 3
    with closing(sqlite3.connect(desk.database)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE people SET failed_attempts = -3 WHERE login = 'bob'")
        connection.commit()
    refused(desk, "bob")
    _restored(desk, backup)
    assert _record(desk, "alice", "failed_attempts") == (4,)


def test_taking_in_killed_at_every_step(tmp_path: Path) -> None:
    """Without a file too, a kill leaves the old store or the new one, whole."""
    with UpkeepForks() as forks:
        desk = new_desk(tmp_path / "made")
        desk.collected("alice", pin=RIGHT)
        desk.collected("bob", pin=OTHER)
        assert desk.verify("alice", WRONG).code == 3
        desk.sql("UPDATE people SET failed_attempts = 0 WHERE login = 'alice'")
        ends = []
        for wreck in wrecks(desk, forks, tmp_path, "restore", "--yes", "--json", every=4):
            found = audit(wreck.desk)
            done = found.code == 0
            ends.append(done)
            if not done:
                assert not wreck.whole
                refused(wreck.desk)
                assert verified(wreck.desk, "bob")
                taken_in(wreck.desk)
            assert wreck.desk.verify("alice", RIGHT).answer["outcome"] == "uncollected"
            assert _record(wreck.desk, "alice", "failed_attempts") == (1,)
            assert verified(wreck.desk, "bob")
            clean(wreck.desk)
        assert any(ends)


@pytest.mark.parametrize("with_file", [True, False])
def test_nobody_is_held_up_while_it_is_worked_out(desk: Desk, with_file: bool) -> None:
    """Others verify while a restore works, and it takes their attempts in."""
    backup = [str(_backup(desk))] if with_file else []
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
