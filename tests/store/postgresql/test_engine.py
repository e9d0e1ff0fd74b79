"""Transactions on a server: complete and in order, or undone, with exact errors."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pincli.errors import (
    PincliError,
    Refused,
    Rule,
    StoreBusy,
    StoreRolledBack,
    StoreTampered,
    StoreUnavailable,
)
from pincli.models import EventKind, Fault, NewEvent, Origin, User, UserType
from pincli.operations import editing, people, pins
from pincli.operations.session import Session
from pincli.rules.words import Sought
from pincli.store.contract import Transaction
from pincli.store.location import Server
from pincli.store.postgresql.dialect import translated_sql
from pincli.store.postgresql.engine import PostgresStore
from pincli.store.postgresql.transaction import PostgresTransaction
from pincli.store.sql.rows import placeholders
from pincli.store.steps.people import set_active
from pincli.views.problems import describe
from tests.store.postgresql.floor import Floor, make_schema, store_of
from tests.support.cutting_proxy import proxied
from tests.support.pooler import pooled
from tests.support.postgresql import Database


def add(session: Session, *names: str) -> None:
    """Add users without PINs."""
    for name in names:
        people.add(session, name, "acme", name, UserType.CLOUD)


def touch(transaction: Transaction, rows: list[int], wait: float = 0) -> list[User]:
    """A step that writes an event about each of some users."""
    users = transaction.users(rows)
    time.sleep(wait)
    transaction.save([NewEvent(EventKind.PIN_SHOWN, user) for user in users])
    return users


def fail(transaction: Transaction, error: BaseException) -> None:
    """A step that fails after its writes."""
    touch(transaction, [1])
    raise error


def interrupt() -> None:
    """Send Ctrl-C to the main thread; a test's other threads block no signal."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def words(error: PincliError) -> str:
    """Return message and hint of an error."""
    problem = describe(error)
    return f"{problem.message}; {problem.hint}"


def impatient(session: Session, seconds: float = 0.5) -> None:
    """Let a session wait only briefly."""
    store_of(session)._client._patience = seconds


def test_a_step_that_fails_writes_nothing(floor: Floor) -> None:
    """Any exception undoes it, and the next step works."""
    with floor.session() as session:
        add(session, "alice")
        number = floor.last()
        for error in (Refused(Rule.ROLE), KeyboardInterrupt(), ZeroDivisionError()):
            with pytest.raises(type(error)):
                session.store.write(fail, error)
        assert floor.last() == number
        session.store.write(touch, [1])
    assert floor.kinds(number) == ["pin_shown"]
    floor.require_sound()


def test_writers_never_deadlock(floor: Floor) -> None:
    """Users are locked by row number, then the head, so no step and no event is lost."""
    with floor.session() as session:
        add(session, *"abcdef")
    number = floor.last()

    def write(rows: list[int]) -> None:
        with floor.session("portal1") as session:
            for turn in range(6):
                session.store.write(touch, rows[turn % 3 :], 0.01)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, ([1, 2, 3, 4], [4, 3, 2, 1], [5, 1, 6, 2], [6, 5])))
    assert len(floor.kinds(number)) == 3 * 2 * (4 + 3 + 2) + 2 * (2 + 1 + 0)
    floor.require_sound()


def test_a_desk_searches_and_a_portal_never_does(floor: Floor) -> None:
    """The database refuses a portal's search."""
    with floor.session() as session:
        add(session, "alice")
    sought = [Sought(("alice",))]
    with floor.session("desk1") as session:
        assert session.store.people.with_words(sought, 5) == [1]
    with floor.session("portal1") as session, pytest.raises(StoreUnavailable) as raised:
        session.store.people.with_words(sought, 5)
    assert raised.value.fault is Fault.FORBIDDEN


def test_a_user_added_twice_at_once_is_refused_once(floor: Floor) -> None:
    """The slower one retries and finds the user."""

    def try_to_add(agent: str) -> str:
        with floor.session(agent=agent) as session:
            try:
                for name in "abcdefgh":
                    add(session, name)
            except Refused as refusal:
                return refusal.rule.name
        return "added"

    with ThreadPoolExecutor() as pool:
        replies = list(pool.map(try_to_add, ("one", "two", "three")))
    assert set(replies) <= {"added", "USER_EXISTS"}
    ((count,),) = floor.database.sql("SELECT count(*) FROM pincli.people")
    assert count >= 1
    floor.require_sound()


def test_a_user_renamed_before_the_lock_is_not_tampered(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They no longer have the login that was asked for; no index was forged."""
    lock = PostgresTransaction.lock
    with floor.session() as session, floor.session(agent="tom") as other:
        add(session, "alice", "bob")

        def rename_first(transaction: PostgresTransaction, rows: list[int]) -> None:
            monkeypatch.undo()
            editing.edit(other, "alice", {"login": "alicia"})
            lock(transaction, rows)

        monkeypatch.setattr(PostgresTransaction, "lock", rename_first)
        found = session.store.write(lambda transaction: transaction.named(["alice", "bob"]))
    assert [user.login for user in found] == ["bob"]


@pytest.mark.parametrize("table", ["people", "store"])
def test_waiting_for_a_lock_ends(floor: Floor, table: str) -> None:
    """Waiting for a user's or the trail's lock ends in time, and nothing is written."""
    with floor.session() as session:
        add(session, "alice")
        number = floor.last()
        impatient(session)
        with floor.database.connect() as holder, holder.transaction():
            holder.execute(f"SELECT FROM pincli.{table} FOR UPDATE".encode())
            began = time.monotonic()
            with pytest.raises(StoreBusy) as raised:
                session.store.write(touch, [1])
            assert 0.3 < time.monotonic() - began < 2
            assert not raised.value.unsure
            impatient(session, 10)
            began = time.monotonic()
            with pytest.raises(StoreBusy):
                session.store.write_at_once(touch, [1])
            assert time.monotonic() - began < 1
        assert floor.last() == number
        assert "the store is busy" in words(raised.value)
        session.store.write_at_once(touch, [1])


def test_a_commit_whose_answer_is_lost_is_unsure(floor: Floor) -> None:
    """It is not repeated, and the next command works over a new connection."""
    with floor.session() as session:
        add(session, "alice")
    number = floor.last()
    with proxied(floor.database) as proxy, floor.through(proxy.database).session() as session:
        proxy.lose_answer()
        with pytest.raises(StoreUnavailable) as raised:
            session.store.write(touch, [1])
        assert (raised.value.fault, raised.value.unsure) == (Fault.LOST, True)
        assert "look before you try again" in words(raised.value)
        assert floor.kinds(number) == ["pin_shown"]
        session.store.write(touch, [1])
        proxy.cut()
        time.sleep(0.1)
        assert session.store.people.find("alice")
    assert floor.kinds(number) == ["pin_shown"] * 2


def test_a_connection_that_ends_before_the_commit_wrote_nothing(floor: Floor) -> None:
    """The error is not unsure."""
    with floor.session() as session:
        add(session, "alice")
        number = floor.last()

        def cut(transaction: Transaction) -> None:
            touch(transaction, [1])
            floor.database.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'admin1' AND datname = current_database()"
            )
            transaction.users([1])

        with pytest.raises(StoreUnavailable) as raised:
            session.store.write(cut)
        assert (raised.value.fault, raised.value.unsure) == (Fault.LOST, False)
        assert floor.last() == number
        session.store.write(touch, [1])


def test_a_cancelled_commit_is_unsure(own_floor: Floor) -> None:
    """It reports success, but the standby that it waited for may lack it."""
    with own_floor.session() as session:
        add(session, "alice")
        with own_floor.cancelled_commits("admin1"), pytest.raises(StoreUnavailable) as raised:
            session.store.write(touch, [1])
        assert (raised.value.fault, raised.value.unsure) == (Fault.IN_DOUBT, True)
        session.store.write(touch, [1])


def test_a_logins_own_settings_weaken_nothing(floor: Floor) -> None:
    """Commits wait for the disk, warnings arrive, and names are pincli's own."""
    for setting in (
        "synchronous_commit = off",
        "client_min_messages = error",
        "search_path = nowhere",
        "default_transaction_isolation = serializable",
    ):
        floor.database.sql(f"ALTER ROLE admin1 IN DATABASE {floor.database.name} SET {setting}")
    names = ("synchronous_commit", "client_min_messages", "search_path", "transaction_isolation")

    def read(transaction: Transaction) -> list[str]:
        rows = transaction.rows  # type: ignore[attr-defined]
        return [rows("SELECT current_setting(?)", (name,))[0][0] for name in names]

    with floor.session() as session:
        add(session, "alice")
        found = session.store.write(read)
    assert found == ["on", "warning", "pincli, pg_temp", "read committed"]
    floor.database.sql(
        f"ALTER ROLE admin1 IN DATABASE {floor.database.name} SET synchronous_commit = remote_apply"
    )
    floor.database.let_go()
    with floor.session() as session:
        assert session.store.write(read)[0] == "remote_apply"


def test_a_read_only_server_can_be_read(floor: Floor) -> None:
    """It can be read if the location allows any server."""
    with floor.session() as session:
        add(session, "alice")
    floor.database.read_only(True)
    with pytest.raises(StoreUnavailable) as raised, floor.session():
        pass
    assert raised.value.fault is Fault.READ_ONLY
    with floor.session(also="&target_session_attrs=any") as session:
        assert session.store.people.account_exists("acme")
        with pytest.raises(StoreUnavailable) as raised:
            session.store.write(touch, [1])
        assert raised.value.fault is Fault.READ_ONLY
    floor.database.read_only(False)
    with floor.session() as session:
        session.store.write(touch, [1])


def test_queries_at_one_moment_see_one_snapshot(floor: Floor) -> None:
    """Others write meanwhile without waiting."""
    with floor.session() as session, floor.session(agent="tom") as other:
        add(session, "alice")
        with session.store.at_one_moment():
            before = session.store.trail.head()
            add(other, "bob")
            assert session.store.trail.head() == before
            assert session.store.people.find("bob") == []
        assert session.store.people.find("bob") != []


def test_everything_works_through_a_pooler(floor: Floor) -> None:
    """Several sessions share one connection to the server."""
    with pooled(floor.database, connections=1) as pooler:
        behind = floor.through(pooler)
        with behind.session() as one, behind.session("admin1", agent="tom") as two:
            add(one, "alice")
            add(two, "bob")
            pins.show(one, "alice")
            assert one.store.people.totals()
            with one.store.at_one_moment():
                assert one.store.people.find("alice")
            people.set_active(two, "alice", active=False, reason="left")
    floor.require_sound()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE pincli.people SET display_name = 'other'",
        "UPDATE pincli.people SET seal = NULL, display_name = 'other'",
        "UPDATE pincli.people SET seal = 'x'",
        "UPDATE pincli.people SET event = 1",
        "UPDATE pincli.store SET head_number = head_number - 1",
        "UPDATE pincli.store SET head_link = 'x'",
        "DELETE FROM pincli.trail WHERE number = (SELECT max(number) FROM pincli.trail)",
        "UPDATE pincli.trail SET seal = 'x' WHERE number = (SELECT max(number) FROM pincli.trail)",
        "DELETE FROM pincli.store",
    ],
)
def test_tampering_stops_writes(floor: Floor, change: str) -> None:
    """A changed record, seal, newest event or store row makes every write fail."""
    with floor.session() as session:
        add(session, "alice")
        floor.database.sql(change)
        with pytest.raises(StoreTampered):
            session.store.write(touch, [1])


def test_a_record_without_a_seal_is_accepted_and_sealed(floor: Floor) -> None:
    """A desk's functions have no key; the next host with audit.key seals the record."""
    user = floor.collected()
    floor.verify()
    assert floor.database.sql("SELECT seal FROM pincli.people") == [(None,)]
    with floor.session() as session:
        session.store.write(set_active, [user.id], active=False, reason="left")
    ((seal,),) = floor.database.sql("SELECT seal FROM pincli.people")
    assert seal is not None
    floor.require_sound()


def test_a_desk_shows_no_pin_and_writes_no_table(floor: Floor) -> None:
    """The database refuses both, even with all keys."""
    user = floor.collected()
    number = floor.last()
    with floor.session("desk1") as session:
        for act in (
            lambda: pins.show(session, "alice"),
            lambda: session.store.write(set_active, [user.id], active=False, reason=None),
        ):
            with pytest.raises(StoreUnavailable) as raised:
                act()
            assert raised.value.fault is Fault.FORBIDDEN
    assert floor.last() == number


def test_only_one_maintains_the_store(floor: Floor) -> None:
    """One admin at a time maintains the store, and a portal never."""
    with (
        floor.session() as one,
        floor.session(agent="tom") as two,
        floor.session("portal1") as three,
    ):
        with one.store.maintained():
            impatient(two)
            with pytest.raises(StoreBusy), two.store.maintained():
                pass
            add(two, "alice")  # nobody else waits
        with two.store.maintained():
            pass
        with pytest.raises(StoreUnavailable) as raised, three.store.maintained():
            pass
        assert raised.value.fault is Fault.FORBIDDEN


def test_signals_wait_while_locks_are_held(floor: Floor) -> None:
    """Ctrl-C takes effect after the commit, once others may wait."""
    with floor.session() as session:
        add(session, "alice")
        number = floor.last()

        def interrupted(transaction: Transaction) -> None:
            transaction.users([1])
            interrupt()
            touch(transaction, [1])

        with pytest.raises(KeyboardInterrupt):
            session.store.write(interrupted)
        assert floor.kinds(number) == ["pin_shown"]
        with session.store.uninterrupted():
            session.store.write(touch, [1])
            interrupt()
            session.store.write(touch, [1])
            with pytest.raises(KeyboardInterrupt):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        assert floor.kinds(number) == ["pin_shown"] * 3


def test_a_rolled_back_store_is_not_written(floor: Floor) -> None:
    """The host's mark refuses writes, until a new epoch begins."""
    with floor.session() as session:
        add(session, "alice")
        floor.keep_copy()
        add(session, "bob")
        floor.bring_back()
        with pytest.raises(StoreRolledBack):
            add(session, "carol")
        with pytest.raises(StoreRolledBack):
            session.store.require_seen()
        floor.database.sql("UPDATE pincli.store SET epoch = 1")
        add(session, "carol")
        assert session.store.require_seen()


def test_a_store_that_was_replaced_is_not_written(floor: Floor) -> None:
    """An open desk refuses a store with another id."""
    with floor.session() as session:
        add(session, "alice")
        floor.database.sql("UPDATE pincli.store SET store_id = %s", "0f" * 16)
        with pytest.raises(StoreUnavailable) as raised:
            session.store.write(touch, [1])
    assert raised.value.fault is Fault.REPLACED


def test_the_mark_never_leads_the_store(floor: Floor) -> None:
    """Several processes of a host write and advance the mark at once, and none is refused."""
    with floor.session() as session:
        add(session, *"abcd")

    def write(row: int) -> None:
        with floor.session() as session:
            for _ in range(25):
                session.store.write(touch, [row])

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, (1, 2, 3, 4)))
    floor.require_sound()


def test_a_new_host_makes_its_mark(floor: Floor, tmp_path: Path) -> None:
    """The first write records it; a host that can't keep a mark works without one."""
    with floor.session() as session:
        add(session, "alice")
    (tmp_path / "marks").mkdir(mode=0o700)
    number = floor.last()
    for marks, kinds in (
        ("marks", ["pin_shown", "marked"]),
        ("marks", ["pin_shown"]),
        ("no", ["pin_shown"]),
    ):
        with floor.session(marks=tmp_path / marks) as session:
            session.store.write(touch, [1])
        assert floor.kinds(number) == kinds
        number = floor.last()


def test_logins_are_found_by_index_before_there_are_statistics(floor: Floor) -> None:
    """During an import the table grows, and is not searched as a whole for each chunk."""
    logins = [f"u{number}" for number in range(1000)]
    query = f"SELECT id FROM people WHERE login IN ({placeholders(logins)})"
    text, values = translated_sql(query, logins)
    with floor.database.connect() as connection:
        connection.execute("SET search_path = pincli")
        connection.execute(
            "INSERT INTO people (id, uid, account, login, display_name, type, active, added_at, "
            "pin_version, failed_attempts, locks_total, attempts_total, event) "
            "SELECT n, uuid_send(gen_random_uuid()), 'acme', 'u' || n, 'U', 'cloud', 1, 'now', "
            "0, 0, 0, 0, 1 FROM generate_series(1, 3000) AS n"
        )
        plan = connection.execute(b"EXPLAIN " + text, values).fetchall()
        found = connection.execute(text, values).fetchall()
    assert "Index Cond: (login = wanted.login)" in str(plan)
    assert len(found) == len(logins) - 1  # numbers begin at 1


def test_an_incomplete_database_is_explained(
    server: object, floor: Floor, database: Database
) -> None:
    """A missing schema or store, a wrong version or missing rights have errors of their own."""

    def opened(where: str) -> StoreUnavailable:
        with pytest.raises(StoreUnavailable) as raised:
            PostgresStore(Server(where), floor.keys, origin=Origin("mia", "test"))
        return raised.value

    assert opened(database.location()).fault is Fault.NO_SCHEMA
    make_schema(database.dsn())
    assert "init has not been run" in words(opened(database.location()))
    for schema, fault in ((1, Fault.OLD_SCHEMA), (9, Fault.NEWER)):
        floor.database.sql("UPDATE pincli.store SET schema = %s", schema)
        assert opened(floor.database.location()).fault is fault
    floor.database.sql("REVOKE USAGE ON SCHEMA pincli FROM pincli_desk")
    assert opened(floor.database.location("desk1")).fault is Fault.FORBIDDEN
