"""The mark: an old store put back, a moved store, and marks that fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.store.attempting import left_open
from tests.support.contract import call
from tests.support.desk import Desk, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG, Forks
from tests.support.failpoints import Plan
from tests.support.tampering import UNAVAILABLE, clean, refused, restored, told, verified

_SLOTS = (0, 4096)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A store with alice and bob, and a mark."""
    desk = new_desk(tmp_path)
    desk.collected("alice", pin=RIGHT)
    desk.collected("bob", pin=OTHER)
    assert told(desk, "alice", WRONG) == "incorrect"
    return desk


def _mark(desk: Desk) -> Path:
    (path,) = desk.keys.glob("mark-*")
    return path


def _kinds(desk: Desk) -> list[str]:
    return [kind for (kind,) in desk.sql("SELECT kind FROM trail ORDER BY number")]


def _finding(desk: Desk, name: str) -> str | None:
    checks = call(desk, "doctor --json").answer["checks"]
    (found,) = [check["finding"] for check in checks if check["what"] == name]
    return None if found is None else str(found)


def _damage(desk: Desk, *slots: int) -> None:
    with _mark(desk).open("r+b") as file:
        for slot in slots:
            file.seek(slot + 20)
            file.write(b"\xff\xff\xff\xff")


def test_a_mark_that_is_gone_is_made_again_with_an_event(desk: Desk) -> None:
    """Work goes on, and the trail says since when there is a mark."""
    _mark(desk).unlink()
    assert _finding(desk, "mark") is not None
    assert told(desk, "alice", WRONG) == "incorrect"
    assert _kinds(desk).count("marked") == 1
    assert _mark(desk).stat().st_mode & 0o777 == 0o600
    assert _finding(desk, "mark") is None
    clean(desk)


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


def test_a_mark_that_can_not_be_written_lags(desk: Desk, forks: Forks) -> None:
    """It finds a rollback to before it, and none after it; work goes on."""
    seen = desk.database.read_bytes()
    _mark(desk).chmod(0o400)
    powerless = Plan(powerless=True)
    before = _mark(desk).read_bytes()
    assert forks.verify(desk, "alice", WRONG, powerless).code == 3
    assert forks.verify(desk, "alice", RIGHT, powerless).code == 0
    assert _mark(desk).read_bytes() == before
    desk.database.write_bytes(seen)
    assert forks.verify(desk, "alice", WRONG, powerless).code == 3


@pytest.mark.parametrize("slot", _SLOTS)
def test_one_damaged_slot_leaves_the_other(desk: Desk, slot: int) -> None:
    """With either slot damaged work goes on, and a rollback by a few events is refused."""
    old = desk.database.read_bytes()
    for _ in range(3):
        assert told(desk, "bob", WRONG) == "incorrect"
    _damage(desk, slot)
    desk.database.write_bytes(old)
    refused(desk, codes=("rolled_back",))


def test_a_mark_of_two_damaged_slots_is_made_again(desk: Desk) -> None:
    """As for a missing mark, there is an event."""
    _damage(desk, *_SLOTS)
    assert told(desk, "alice", RIGHT) == "verified"
    assert _kinds(desk).count("marked") == 1
    clean(desk)


def test_a_mark_behind_the_store_stops_nobody(desk: Desk) -> None:
    """A kill between commit and mark leaves a mark that lags."""
    before = _mark(desk).read_bytes()
    assert told(desk, "alice", WRONG) == "incorrect"
    _mark(desk).write_bytes(before)
    assert told(desk, "alice", RIGHT) == "verified"
    assert "marked" not in _kinds(desk)
    clean(desk)


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


def test_a_file_of_another_store_is_not_ours(desk: Desk, tmp_path: Path) -> None:
    """A store with other keys is refused by every command, and nothing in it changes."""
    other = new_desk(tmp_path / "other")
    other.collected("alice", pin=WRONG)
    shutil.copy(other.database, desk.database)
    content = desk.database.read_bytes()
    for line in ("restore --yes", "audit verify"):
        assert call(desk, line).code == UNAVAILABLE
    assert told(desk, "alice", WRONG) == "unavailable"
    assert desk.database.read_bytes() == content


def test_with_every_key_a_new_store_is_another(desk: Desk, tmp_path: Path) -> None:
    """Rows copied into a new store with the same keys have no valid seal."""
    ((store_id,),) = desk.sql("SELECT store_id FROM store")
    desk.sql("UPDATE store SET store_id = ?", "00" * 16)
    refused(desk, codes=("tampered",))
    assert len(list(desk.keys.glob("mark-*"))) == 1
    desk.sql("UPDATE store SET store_id = ?", store_id)
    assert verified(desk, "alice")
