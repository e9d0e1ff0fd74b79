"""`restore` on a server, after a DBA's restore or tampering."""

from __future__ import annotations

from pathlib import Path

import pytest

from pincli.errors import BackupRefused, StoreRolledBack, StoreTampered, UsageProblem
from pincli.models import Origin, Outcome
from pincli.operations import backups, people
from pincli.operations.verify import verify
from pincli.results import Restored
from pincli.store.location import Server
from pincli.store.postgresql.engine import PostgresStore
from pincli.store.postgresql.upkeep import PostgresUpkeep
from tests.store.postgresql.floor import PIN, WRONG, Floor
from tests.support.words import require_true_index


def restore(floor: Floor) -> Restored:
    """Run `pincli restore` on an admin's host."""
    where = Server(floor.database.location("admin1"))
    return backups.restore(None, where, floor.keys, origin=Origin("lea", "restore"))


def require_sound(floor: Floor) -> None:
    """Require a sound trail, and an index that finds everybody."""
    floor.require_sound()
    with floor.session() as session:
        require_true_index(session.store)


def test_a_database_of_yesterday_is_taken_in(floor: Floor, tmp_path: Path) -> None:
    """Hosts with a newer mark stop; the restore withdraws all PINs, and they go on."""
    floor.collected()
    floor.collected("bob")
    marks = tmp_path / "desk"
    marks.mkdir(mode=0o700)
    for _ in range(2):
        floor.verify(WRONG, marks=marks)
    floor.keep_copy()
    for _ in range(4):
        floor.verify(WRONG, marks=marks)
    floor.bring_back()
    with pytest.raises(StoreRolledBack):
        floor.verify(marks=marks)
    done = restore(floor)
    assert (done.withdrawn, done.changed) == (2, 2)
    alice = floor.user()
    assert (alice.failed_attempts, alice.question, alice.sealed) == (2, None, None)
    assert floor.verify(marks=marks).outcome is Outcome.UNCOLLECTED
    assert floor.verify(marks=marks).outcome is Outcome.UNCOLLECTED
    with floor.session() as session:
        people.set_active(session, "bob", active=False, reason="left")
    assert floor.database.sql("SELECT epoch FROM pincli.store") == [(1,)]
    note = "SELECT note FROM pincli.trail WHERE kind = 'restored' AND uid IS NULL"
    assert floor.database.sql(note)[0][0].startswith("mark ")
    assert floor.database.sql(note)[0][0].endswith(", epoch 1")
    require_sound(floor)


def test_records_changed_behind_the_trail_get_the_stricter_counter(floor: Floor) -> None:
    """Counters, unknown records and missing records are put right in the stricter way."""
    for name in ("alice", "bob", "carol", "dave"):
        floor.collected(name)
    for _ in range(5):
        floor.verify(WRONG)
    uids = {name: floor.user(name).uid for name in ("alice", "bob", "carol", "dave")}
    floor.database.sql("UPDATE pincli.people SET failed_attempts = 1 WHERE login = 'alice'")
    floor.database.sql("UPDATE pincli.people SET failed_attempts = 3 WHERE login = 'bob'")
    floor.database.sql(
        "UPDATE pincli.people SET uid = '\\x00112233445566778899aabbccddeeff' WHERE login = 'carol'"
    )
    floor.database.sql("DELETE FROM pincli.people WHERE login = 'dave'")
    floor.database.sql("UPDATE pincli.words SET folded = 'bob'")
    with pytest.raises(StoreTampered):
        floor.verify()
    assert restore(floor).withdrawn == 3
    assert floor.user().failed_attempts == 5
    assert floor.user("bob").failed_attempts == 3
    assert not floor.user("carol").active
    for name in ("carol", "dave"):
        assert not floor.user(f"lost-{uids[name].hex()}").active
    assert floor.verify().outcome is Outcome.UNCOLLECTED
    require_sound(floor)


def test_an_attempt_in_flight_is_ended(floor: Floor) -> None:
    """A right answer in flight is refused, since its PIN is withdrawn."""
    floor.collected()
    with (
        floor.at_the_desk() as session,
        floor.without_settle(),
        pytest.raises(Exception, match="no store"),
    ):
        verify(session, "alice", PIN, None)
    number = floor.last()
    restore(floor)
    assert floor.kinds(number) == ["refused", "restored", "restored"]
    require_sound(floor)


def test_a_restore_that_is_killed_can_run_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No host may write before every PIN is withdrawn."""
    floor.collected()
    floor.keep_copy()
    floor.verify(WRONG)
    floor.bring_back()
    begin_epoch = PostgresStore.begin_epoch
    monkeypatch.setattr(PostgresStore, "begin_epoch", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        restore(floor)
    assert floor.user().question is None
    monkeypatch.setattr(PostgresStore, "begin_epoch", begin_epoch)
    restore(floor)
    assert floor.verify().outcome is Outcome.UNCOLLECTED
    require_sound(floor)


def test_a_tampered_trail_is_not_restored_from(floor: Floor) -> None:
    """The restore is refused, and nothing changes."""
    floor.collected()
    floor.database.sql("UPDATE pincli.trail SET agent = 'nobody' WHERE number = 2")
    number = floor.last()
    with pytest.raises(BackupRefused):
        restore(floor)
    assert floor.last() == number
    assert floor.user().question is not None


def test_backup_files_are_refused(floor: Floor, tmp_path: Path) -> None:
    """Pincli neither makes nor reads a backup of a server."""
    upkeep = PostgresUpkeep(Server(floor.database.location()), floor.keys)
    with pytest.raises(UsageProblem, match="does not back up"):
        upkeep.back_up(tmp_path / "backup")
    with pytest.raises(UsageProblem, match="does not bring back"):
        upkeep.restore(tmp_path / "backup", None)  # type: ignore[arg-type]
