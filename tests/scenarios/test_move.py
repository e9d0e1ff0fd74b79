"""Moving a store to a server: whole, once, and never with two stores at work."""
# ruff: noqa: S608  # the names in it are the program's own

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pincli.errors import StoreUnavailable
from pincli.models import Fault, Outcome
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.rules.lockout import ATTEMPTS_ALLOWED
from pincli.store.mark import NOWHERE, Mark, Seen
from pincli.store.sql.tables import OLD_EVENTS, STORE, TABLES, WORDS, Table
from tests.store.attempting import left_open
from tests.store.postgresql.floor import DESK, Floor, make_schema
from tests.support.contract import answer_of, call
from tests.support.cutting_proxy import proxied
from tests.support.desk import Desk, Ran, killed
from tests.support.drive_upkeep_fixture import brought_back
from tests.support.driving import Forks, Log, driven, fresh
from tests.support.failpoints import Plan
from tests.support.floor import (
    ACTIVE,
    FIVE_MISSES,
    GUEST,
    LOCKED,
    RIGHT,
    UNCOLLECTED,
    WRONG,
    copy_of,
)
from tests.support.postgresql import Database, Server
from tests.support.tampering import clean
from tests.support.turns import EVERYTHING, every_lasting, every_point
from tests.support.words import require_true_index

FEWEST_STEPS = 5
COPYING = ("server:COPY", "marked")
OF_EVERY_KIND = (
    *("status alice", "alerts", "user list", "pin show alice", "unlock lara --reason T"),
    *("reset alice --yes", "audit list", "audit verify", "keys rotate --verify", "store upgrade"),
)


@dataclass(frozen=True)
class Move:
    """A store in a folder, and an empty database for it.

    Attributes:
        desk: The store in the folder.
        there: The database, with the same keys and marks.
    """

    desk: Desk
    there: Floor

    @property
    def location(self) -> str:
        """The server's address."""
        return self.there.database.location()

    def run(self, login: str = "admin1") -> Ran:
        """Run the move."""
        return self.desk.run(*move_to(self.there.database.location(login)))

    def database_is_empty(self) -> bool:
        """Whether the database holds nothing of a store."""
        return not any(
            self.there.database.sql(f"SELECT 1 FROM pincli.{name} LIMIT 1")
            for name in ("store", *(table.name for table in (*TABLES, WORDS)))
        )

    def closed(self) -> bool:
        """Whether the store in the folder is closed."""
        return self.desk.sql("SELECT kind FROM trail ORDER BY number DESC LIMIT 1") == [("moved",)]


@pytest.fixture
def move(floor: Desk, server: Server) -> Iterator[Move]:
    """The floor, and an empty database."""
    database = server.database(make_schema)
    yield Move(floor, Floor(database, floor.keys))
    database.drop()


def move_to(location: str) -> tuple[str, ...]:
    """The command that moves a store there."""
    return ("store", "move", location, "--yes", "--json")


def nobody_lost_anything(move: Move) -> None:
    """Fail unless both stores have the same rows, and the trail is whole."""
    same_rows(move)
    audited(move.there)


def same_rows(move: Move) -> None:
    """Fail unless both stores have the same rows."""
    tables: tuple[Table, ...] = TABLES
    if move.desk.sql("SELECT 1 FROM sqlite_master WHERE name = 'old_events'"):
        tables = (*TABLES, OLD_EVENTS)
    for table in tables:
        query = f"SELECT {', '.join(table.columns)} FROM {{}}{table.name} ORDER BY 1"
        there = move.there.database.sql(query.format("pincli."))
        assert there == move.desk.sql(query.format("")), table.name
    ((store, head),) = move.there.database.sql(
        "SELECT (id, store_id, created_at, verify_key, audit_key, portal_key, epoch)::text, "
        "ROW(head_number, head_link)::text = (SELECT ROW(number, link)::text FROM pincli.trail "
        "ORDER BY number DESC LIMIT 1) FROM pincli.store"
    )
    assert head
    ((*values,),) = move.desk.sql(
        "SELECT id, store_id, created_at, verify_key, audit_key, portal_key, epoch FROM store"
    )
    assert store == f"({','.join(map(str, values))})"


def audited(there: Floor) -> None:
    """Fail unless links, seals, counters, records and the index are right."""
    with there.session("admin1", Need.CHECK) as session:
        assert check_trail(session, None).finding is None
        require_true_index(session.store)


def work_goes_on(there: Floor) -> None:
    """Fail unless all users have the PIN, counter and lock that they had."""
    assert there.verify(RIGHT, ACTIVE).outcome is Outcome.VERIFIED
    assert there.verify(RIGHT, GUEST).outcome is Outcome.VERIFIED
    assert there.verify(RIGHT, LOCKED).outcome is Outcome.LOCKED
    assert there.verify(RIGHT, UNCOLLECTED).outcome is Outcome.UNCOLLECTED
    assert there.verify(WRONG, FIVE_MISSES).outcome is Outcome.INCORRECT
    assert there.verify(RIGHT, FIVE_MISSES).outcome is Outcome.LOCKED
    audited(there)


def refused(ran: Ran, code: str = "unavailable") -> tuple[str, str]:
    """The message and the hint of an error with this code."""
    error = answer_of(ran)["error"]
    assert error["code"] == code, ran
    return error["message"], error["hint"]


def mark_of(desk: Desk) -> Seen | None:
    """This host's mark."""
    ((store_id,),) = desk.sql("SELECT store_id FROM store")
    mark = Mark.open(desk.keys, bytes.fromhex(store_id))
    assert mark is not None
    try:
        return mark.read()
    finally:
        mark.close()


def test_everything_moves_and_goes_on(move: Move) -> None:
    """Rows, PINs, counters, locks and trail move; the last event names the server."""
    answer = answer_of(move.run())
    (number, kind, note) = move.desk.sql(
        "SELECT number, kind, note FROM trail ORDER BY number DESC LIMIT 1"
    )[0]
    assert answer == {
        "pincli": 1, "command": "store move", "ok": True,
        "location": move.location, "users": 8, "events": number, "moved": True,
    }  # fmt: skip
    assert (kind, note) == ("moved", move.location)
    nobody_lost_anything(move)
    work_goes_on(move.there)
    listed = move.desk.run("--store", move.location, "audit", "list", "--json").answer["events"]
    assert {"moved", "locked", "verified"} <= {event["kind"] for event in listed}


def test_the_old_store_refuses_all_work(move: Move) -> None:
    """Every command names the new location; an open session can't write either."""
    with move.desk.session() as session:
        answer_of(move.run())
        for mark in move.desk.keys.glob("mark-*"):
            mark.unlink()  # which would refuse it too
        with pytest.raises(StoreUnavailable) as raised:
            verify(session, ACTIVE, RIGHT, None)
    assert (raised.value.fault, raised.value.charge) == (Fault.CLOSED, "not charged")
    elsewhere = f"store move {move.there.database.location('owner')} --yes"
    for line in (*OF_EVERY_KIND, elsewhere):
        message, hint = refused(move.desk.run(*line.split(), "--json"))
        assert move.location in message
        assert "--store" in hint
    assert move.location in refused(move.desk.verify(ACTIVE, RIGHT))[0]
    assert move.location in move.desk.run("doctor").out
    nobody_lost_anything(move)


@pytest.mark.parametrize("misses", [0, 5])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_open_attempts_are_ended_first(move: Move, misses: int, pin: str) -> None:
    """They get the outcome that their own process would have got; a sixth miss locks."""
    login = FIVE_MISSES if misses else ACTIVE
    left_open(move.desk, move.desk.user(login), pin)
    answer_of(move.run())
    nobody_lost_anything(move)
    user = move.there.user(login)
    assert user.attempt is None
    assert user.failed_attempts == (0 if pin == RIGHT else misses + 1)
    assert (user.locked_since is not None) is (pin == WRONG and misses == 5)
    kinds = move.there.kinds()
    ends = ["verified"] if pin == RIGHT else ["incorrect", "locked"][: 1 + (misses == 5)]
    assert kinds[kinds.index("moved") - len(ends) :][: len(ends) + 1] == [*ends, "moved"]


def test_a_store_that_came_from_version_1(tmp_path: Path, server: Server) -> None:
    """Its old events move too; only the schema's owner can make their table."""
    desk = brought_back(1, tmp_path)
    move = Move(desk, Floor(server.database(make_schema), desk.keys))
    assert desk.run("store", "upgrade", "--json").code == 0
    message, _ = refused(move.run())
    assert "pincli_owner" in message
    assert not move.closed()
    answer_of(move.run("owner"))
    nobody_lost_anything(move)
    work_goes_on(move.there)
    listed = desk.run("--store", move.location, "audit", "list", "--json", "--limit", "999")
    assert listed.answer["events"][-1]["seq"] == 1
    assert desk.run("--store", move.there.database.location("desk1"), "status", ACTIVE).code == 0


def test_a_second_run_finds_it_done(move: Move) -> None:
    """Even after new work on the server; another store is not moved to that database."""
    answer_of(move.run())
    work_goes_on(move.there)
    events = move.there.kinds()
    answer = answer_of(move.run())
    assert answer["moved"] is False
    assert move.there.kinds() == events
    ran = call(move.desk, ["store", "move", move.location, "--yes"])
    assert "moved before" in ran.out


def test_a_store_that_went_on_and_was_lost_is_not_moved_again(move: Move) -> None:
    """Moving the old folder again would give attempts back; the mark prevents it."""
    answer_of(move.run())
    work_goes_on(move.there)
    tables = ", ".join(f"pincli.{table.name}" for table in (STORE, *TABLES, WORDS))
    move.there.database.sql(f"TRUNCATE {tables}")
    _, hint = refused(move.run(), "rolled_back")
    assert "pincli restore" in hint
    assert move.database_is_empty()


def test_a_database_with_a_store_is_left_alone(move: Move, tmp_path: Path) -> None:
    """A database with a store, or a part of one, is refused, and the folder goes on."""
    answer_of(move.run())
    other = replace(move, desk=copy_of(move.desk, tmp_path / "other"))
    other.desk.sql("DELETE FROM trail WHERE kind = 'moved'")
    refused(other.run(), "refused")
    assert move.there.kinds().count("moved") == 1
    move.there.database.sql("DELETE FROM pincli.store")
    refused(other.run(), "refused")
    assert not other.closed()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE people SET failed_attempts = 0 WHERE login = 'vera'",
        "UPDATE trail SET outcome = 'verified' WHERE kind = 'incorrect'",
        "UPDATE texts SET reason = 'other'; DELETE FROM people WHERE login = 'alice'",
    ],
)
def test_a_tampered_store_does_not_move(move: Move, statement: str) -> None:
    """It moves after `restore` has taken it in."""
    for each in statement.split(";"):
        move.desk.sql(each)
    _, hint = refused(move.run(), "tampered")
    assert "pincli restore" in hint
    assert not move.closed()
    assert move.database_is_empty()
    if "trail" not in statement:
        assert move.desk.run("restore", "--yes", "--json").code == 0
        answer_of(move.run())
        nobody_lost_anything(move)


def test_who_may_not_write_there_moves_nothing(move: Move, server: Server) -> None:
    """A desk's or portal's login, missing tables or database, an unreachable server."""
    database = move.there.database
    empty = replace(database, name="postgres")
    assert "pincli_admin" in refused(move.run("desk1"))[0]
    assert "pincli_admin" in refused(move.run("portal1"))[0]
    assert "pincli init --print-sql" in refused(move.desk.run(*move_to(empty.location())))[1]
    for location in (
        replace(database, name="nowhere").location(),
        "postgresql://admin1@127.0.0.1:1/pincli",
    ):
        refused(move.desk.run(*move_to(location)))
    assert move.desk.verify(ACTIVE, RIGHT).code == 0
    assert not move.closed()


def test_killed_at_every_step(floor: Desk, forks: Forks, server: Server, tmp_path: Path) -> None:
    """At most one of both stores takes work; the same command finishes the move."""
    left_open(floor, floor.user(ACTIVE), WRONG)

    def killed_at(point: str) -> tuple[Move, Ran, list[str]]:
        desk = copy_of(floor, tmp_path / (point or "whole"))
        move = Move(desk, Floor(server.database(make_schema), desk.keys))
        log = Log(fresh(floor, "log"))
        plan = Plan(log=str(log.path), at=((point, "kill"),), server=True)
        return move, forks.run(desk, *move_to(move.location), plan=plan), log.points()

    _, whole, points = killed_at("")
    assert whole.code == 0, whole
    assert len(points) > FEWEST_STEPS
    for point in every_point(points) if EVERYTHING else every_lasting(points, also=COPYING):
        move, ran, _ = killed_at(point)
        assert killed(ran.code), (point, ran)
        charged = _one_takes_work_at_most(move, forks)
        assert answer_of(forks.run(move.desk, *move_to(move.location)))["ok"], point
        same_rows(move)
        assert move.there.user(ACTIVE).failed_attempts == 1 + charged, point
        work_goes_on(move.there)
        assert move.desk.sql("SELECT count(*) FROM trail WHERE kind = 'moved'") == [(1,)]
        move.there.database.drop()


def _one_takes_work_at_most(move: Move, forks: Forks) -> bool:
    """Check both stores after a kill; return whether the old one took another wrong answer."""
    is_open_there = bool(move.there.database.sql("SELECT 1 FROM pincli.store"))
    ran = forks.verify(move.desk, ACTIVE, WRONG)
    assert ran.code in ((8,) if is_open_there else (3, 8)), ran
    assert (ran.code == 8) is move.closed()
    seen = mark_of(move.desk)
    assert seen is not None
    if is_open_there:
        assert seen.place == NOWHERE
    return ran.code == 3


@pytest.mark.parametrize("point", ["server:COPY#2", "server:INSERT", "sql:COMMIT"])
def test_a_connection_lost_before_the_end_leaves_the_old_store(move: Move, point: str) -> None:
    """The database stays empty, and the same command moves the store."""
    with driven(move.desk, *move_to(move.location), plan=_pausing(point)) as run:
        run.await_pause()
        _end_connections(move.there.database)
        run.go_on()
        ended = run.end()
    if point.startswith("sql"):  # the old store is closed without the server's leave
        assert "same command again" in refused(ended)[1]
        assert move.closed()
    else:
        refused(ended)
        assert move.desk.verify(ACTIVE, RIGHT).code == 0
    assert move.database_is_empty()
    answer_of(move.run())
    nobody_lost_anything(move)
    work_goes_on(move.there)


def test_a_lost_answer_to_the_commit_is_found_out_by_the_next_run(move: Move) -> None:
    """The server's store may be open; the same command finds out."""
    with proxied(move.there.database) as proxy:
        proxy.lose_answer()
        location = proxy.database.location()
        message, hint = refused(move.desk.run(*move_to(location)))
        assert "closed" in message
        assert "same command again" in hint
        assert answer_of(move.desk.run(*move_to(location)))["moved"] is False
    nobody_lost_anything(move)
    work_goes_on(move.there)


def test_ctrl_c_while_rows_are_copied(move: Move) -> None:
    """Both stay as they were."""
    with driven(move.desk, *move_to(move.location), plan=_pausing("server:COPY#2")) as run:
        run.await_pause()
        run.signal(signal.SIGINT)
        run.go_on()
        assert run.end().code == 130
    assert move.database_is_empty()
    assert move.desk.verify(ACTIVE, RIGHT).code == 0
    answer_of(move.run())
    nobody_lost_anything(move)


def test_two_moves_at_once(move: Move, server: Server) -> None:
    """Of two databases one gets the store."""
    other = replace(move, there=replace(move.there, database=server.database(make_schema)))
    with driven(move.desk, *move_to(move.location), plan=_pausing("server:COPY")) as run:
        run.await_pause()
        second = threading.Thread(target=lambda: ends.append(other.run()))
        ends: list[Ran] = []
        second.start()
        run.go_on()
        assert run.end().code == 0
        second.join()
    assert move.location in refused(ends[0])[0]
    assert other.database_is_empty()
    nobody_lost_anything(move)


def test_no_answer_is_lost_while_agents_go_on(move: Move) -> None:
    """Every charge during the move counts in the store that goes on, and no other."""
    answered: list[Ran] = []
    done = threading.Event()

    def callers() -> None:
        while not done.is_set():
            answered.append(move.desk.verify(GUEST, WRONG))

    threads = [threading.Thread(target=callers) for _ in range(3)]
    for thread in threads:
        thread.start()
    answer_of(move.run())
    done.set()
    for thread in threads:
        thread.join()
    nobody_lost_anything(move)
    assert {ran.code for ran in answered} <= {3, 4, 8}
    # One whose answer the move has ended is refused the verdict, and hears so.
    charged = [ran for ran in answered if ran.code == 3 or "is counted" in ran.out]
    assert move.there.user(GUEST).failed_attempts == len(charged) <= ATTEMPTS_ALLOWED
    assert answered[-1].code == 8


def test_an_old_file_that_comes_back_is_refused(move: Move, tmp_path: Path) -> None:
    """The mark refuses it; a restore takes it in without a PIN."""
    old = move.desk.database.read_bytes()
    answer_of(move.run())
    closed = move.desk.database.read_bytes()
    marks = shutil.copytree(move.desk.keys, tmp_path / "kept")
    number, link = move.desk.sql("SELECT number, link FROM trail ORDER BY number DESC LIMIT 1")[0]
    assert mark_of(move.desk) == Seen(number, link, 0, NOWHERE)
    for file in (old, closed):
        move.desk.database.write_bytes(file)
        assert "moved to" in refused(move.desk.verify(ACTIVE, RIGHT))[0]
        refused(move.desk.run("unlock", LOCKED, "--reason", "T", "--json"))
        ran = move.desk.run("restore", "--yes", "--json")
        assert ran.code == 0, ran
        assert move.desk.user(ACTIVE).question is None
        assert move.desk.user(FIVE_MISSES).failed_attempts == 5
        clean(move.desk)
        assert move.there.verify(RIGHT, GUEST, marks=marks).outcome is Outcome.VERIFIED


def test_a_backup_of_the_closed_store_brings_no_pin_back(move: Move, tmp_path: Path) -> None:
    """Mark, backup and present store have one head, but the PINs go on elsewhere."""
    answer_of(move.run())
    backup = tmp_path / "closed.db"
    assert move.desk.run("backup", str(backup)).code == 0
    ran = move.desk.run("restore", str(backup), "--yes", "--json")
    assert ran.code == 0, ran
    assert move.desk.user(ACTIVE).question is None


def test_marks_of_other_hosts(move: Move, tmp_path: Path) -> None:
    """A host that knew the store in its folder accepts it on the server."""
    kept = tmp_path / "marks"
    kept.mkdir(mode=0o700)
    for mark in move.desk.keys.glob("mark-*"):
        shutil.copy(mark, kept)
    answer_of(move.run())
    assert move.there.verify(RIGHT, ACTIVE, marks=kept).outcome is Outcome.VERIFIED
    fresh = tmp_path / "fresh"
    fresh.mkdir(mode=0o700)
    assert move.there.verify(RIGHT, ACTIVE, marks=fresh).outcome is Outcome.VERIFIED
    with move.there.session(marks=kept) as session:
        verify(session, GUEST, RIGHT, None)
        assert session.store.require_seen()


@pytest.mark.parametrize("login", ["desk1", "admin1"])
def test_a_copy_by_hand_is_no_move(move: Move, login: str) -> None:
    """Without the event that closes the old store, a host that knows it accepts no other."""
    answer_of(move.run())
    kept = move.there.keys
    for mark in kept.glob("mark-*"):
        mark.unlink()
    move.desk.sql("DELETE FROM trail WHERE kind = 'moved'")
    assert move.desk.verify(ACTIVE, RIGHT).code == 0
    number = mark_of(move.desk)
    assert number is not None
    database = move.there.database
    database.sql("DELETE FROM pincli.trail WHERE kind = 'moved'")
    database.sql(
        "UPDATE pincli.store SET head_number = head_number - 1, head_link = "
        "(SELECT link FROM pincli.trail ORDER BY number DESC LIMIT 1)"
    )
    with (
        move.there.session(login, *(DESK if login == "desk1" else ())) as session,
        pytest.raises(StoreUnavailable) as raised,
    ):
        verify(session, GUEST, RIGHT, None)
    assert raised.value.fault is Fault.MOVED


def _pausing(point: str) -> Plan:
    return Plan(at=((point, "pause"),), server=True)


def _end_connections(database: Database) -> None:
    database.server.sql(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
        database.name,
    )
