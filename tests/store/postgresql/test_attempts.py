"""Charge and settle by the database's functions: in one flight, and when that fails."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from pincli.errors import (
    Rule,
    StoreBusy,
    StoreUnavailable,
    UnknownUser,
    VerifierDamaged,
)
from pincli.models import Fault, Outcome
from pincli.operations import verify as verifying
from pincli.operations.people import note_refusal
from pincli.operations.session import Session
from pincli.operations.verify import end_left_open, verify
from pincli.store.postgresql import attempts
from pincli.views.problems import describe
from tests.store.postgresql.floor import PIN, WRONG, Floor, make_schema, new_floor, store_of
from tests.support.cutting_proxy import Proxy, proxied
from tests.support.driving import wait_until
from tests.support.postgresql import Server
from tests.support.small_server_disk import small_disk

ONE_MISS = ["attempt", "incorrect"]
_WAITING = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = 'desk1' AND wait_event_type = 'Lock'"
)
_END_WAITING = _WAITING.replace("pid", "pg_terminate_backend(pid)", 1)
_AT_ONCE = (
    "SELECT replace(pg_get_functiondef('pincli.finish'::regproc), 'secs => 10', 'secs => -1')"
)


@contextmanager
def held(floor: Floor, what: str = "people") -> Iterator[None]:
    """Lock all rows of a table."""
    with floor.database.connect() as holder, holder.transaction():
        holder.execute(f"SELECT FROM pincli.{what} FOR UPDATE".encode())
        yield


def impatient(floor: Floor, name: str = "charge") -> None:
    """Let a function wait only briefly for locks."""
    floor.database.sql(f"ALTER FUNCTION pincli.{name} SET lock_timeout = '300ms'")


def test_a_right_answer_needs_its_proof(floor: Floor) -> None:
    """Somebody who can write the database but lacks verify.key can't make a yes."""
    user = floor.collected()
    floor.database.sql("UPDATE pincli.people SET pin_proof = %s", b"p" * 32)
    record = "UPDATE pincli.trail SET record = pincli._record(p) FROM pincli.people p"
    floor.database.sql(f"{record} WHERE number = {user.event}")
    with floor.at_the_desk() as session, pytest.raises(VerifierDamaged):
        verify(session, "alice", PIN, None)


def test_a_warm_verify_is_two_flights(floor: Floor) -> None:
    """One flight asks, and one charges and settles."""
    floor.collected()
    with (
        proxied(floor.database, delay=0.01) as proxy,
        floor.through(proxy.database).at_the_desk() as session,
    ):
        verify(session, "alice", PIN, None)
        before = proxy.flights
        verify(session, "alice", PIN, None)
        assert proxy.flights - before == 2


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize("commit", [1, 2])
def test_an_answer_lost_on_the_way_is_asked_for_again(
    floor: Floor, commit: int, rest: bool
) -> None:
    """If the answer to charge or settle is lost, it is still one attempt."""
    floor.collected()
    number = floor.last()
    with proxied(floor.database) as proxy:
        far = floor.through(proxy.database)
        with far.at_the_desk() as session:
            verify(session, "alice", WRONG, None)
            proxy.lose_answer(commit, rest=rest)
            reply = verify(session, "alice", WRONG, None)
            assert proxy.lost == 1
            assert (reply.outcome, reply.user.failed_attempts) == (Outcome.INCORRECT, 2)
            proxy.lose_answer(commit, rest=rest)
            assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert floor.kinds(number) == [*ONE_MISS * 2, "attempt", "verified"]
    floor.require_sound()


def test_an_answer_lost_twice_may_be_charged(floor: Floor) -> None:
    """The caller is not verified, and the next command ends the attempt."""
    floor.collected()
    number = floor.last()
    with proxied(floor.database) as proxy, floor.through(proxy.database).at_the_desk() as session:
        losing = _lose_always(proxy)
        with losing, pytest.raises(StoreUnavailable) as raised:
            verify(session, "alice", PIN, None)
        assert (raised.value.fault, raised.value.charge) == (Fault.LOST, "may be charged")
        assert "nobody knows whether the attempt is counted" in describe(raised.value).hint
        assert verify(session, "alice", WRONG, None).outcome is Outcome.INCORRECT
    assert floor.kinds(number) == ["attempt", "verified", *ONE_MISS]


@contextmanager
def _lose_always(proxy: Proxy) -> Iterator[None]:
    is_to_lose = proxy.is_to_lose
    proxy.is_to_lose = lambda: True  # type: ignore[method-assign]
    yield
    proxy.is_to_lose = is_to_lose  # type: ignore[method-assign]


@pytest.mark.parametrize("what", ["people", "store"])
def test_a_lock_that_others_hold_too_long_charges_nothing(floor: Floor, what: str) -> None:
    """A lock on the record or the trail makes the server refuse."""
    floor.collected()
    impatient(floor)
    number = floor.last()
    with floor.at_the_desk() as session:
        with held(floor, what), pytest.raises(StoreBusy) as raised:
            verify(session, "alice", PIN, None)
        assert raised.value.charge == "not charged"
        assert floor.last() == number
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED


def test_a_settle_that_fails_leaves_the_attempt_charged(floor: Floor) -> None:
    """Its answer is stored, so the next command ends it with the same outcome."""
    floor.collected()
    number = floor.last()
    with floor.at_the_desk() as session:
        with floor.without_settle(), pytest.raises(StoreUnavailable) as raised:
            verify(session, "alice", WRONG, None)
        assert (raised.value.fault, raised.value.charge) == (Fault.NO_SCHEMA, "charged")
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert floor.kinds(number) == [*ONE_MISS, "attempt", "verified"]


def test_a_backend_terminated_while_it_waits_charges_once(floor: Floor) -> None:
    """The same nonce is sent again over a new connection."""
    floor.collected()
    number = floor.last()
    with floor.at_the_desk() as session, ThreadPoolExecutor() as pool:
        with held(floor):
            answer = pool.submit(verify, session, "alice", WRONG, None)
            wait_until(lambda: floor.database.sql(_END_WAITING), "the charge")
        assert answer.result().outcome is Outcome.INCORRECT
    assert floor.kinds(number) == ONE_MISS


def test_a_server_that_crashes_and_comes_back(own_floor: Floor) -> None:
    """A verify during the crash gets its verdict afterwards; one while it is down fails."""
    own_floor.collected()
    number = own_floor.last()
    server = own_floor.database.server
    with own_floor.at_the_desk() as session, ThreadPoolExecutor() as pool:
        holder = own_floor.database.connect()
        holder.execute("BEGIN")
        holder.execute("SELECT FROM pincli.store FOR UPDATE")
        answer = pool.submit(verify, session, "alice", WRONG, None)
        wait_until(lambda: own_floor.database.sql(_WAITING), "the charge")
        server.restart("immediate")
        holder.close()
        assert answer.result().outcome is Outcome.INCORRECT
        assert own_floor.kinds(number) == ONE_MISS
        server.stop("immediate")
        with pytest.raises(StoreUnavailable) as raised:
            verify(session, "alice", PIN, None)
        assert raised.value.fault is Fault.UNREACHABLE
        server.start()
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    own_floor.require_sound()


def test_a_frozen_server(own_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends in time, and the server charges at most once when it goes on."""
    own_floor.collected()
    number = own_floor.last()
    server = own_floor.database.server
    monkeypatch.setattr(attempts, "LONGEST_WAIT", 0.5)
    with own_floor.at_the_desk() as session:
        store = store_of(session)
        (asked,) = store.people.find("alice")
        server.freeze()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as raised:
            store.functions.attempt(asked, b"w" * 32, ticket=None)
        assert time.monotonic() - began < 4
        assert (raised.value.fault, raised.value.charge) == (Fault.LOST, "may be charged")
        server.thaw()
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
    assert own_floor.kinds(number) == [*ONE_MISS, "attempt", "verified"]


def test_a_cancelled_commit_is_no_verdict(own_floor: Floor) -> None:
    """It waited for a standby, so a failover could lose the attempt."""
    own_floor.collected()
    with own_floor.at_the_desk() as session:
        with own_floor.cancelled_commits("desk1"), pytest.raises(StoreUnavailable) as raised:
            verify(session, "alice", PIN, None)
        assert (raised.value.fault, raised.value.charge) == (Fault.IN_DOUBT, "may be charged")
        assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED


def test_signals_wait_for_the_verdict(floor: Floor) -> None:
    """Ctrl-C between charge and settle takes effect after the settle."""
    floor.collected()
    with floor.at_the_desk() as session, ThreadPoolExecutor() as pool:
        (asked,) = session.store.people.find("alice")
        has_begun = threading.Event()

        def hold() -> None:
            with held(floor):
                has_begun.set()
                time.sleep(0.5)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                time.sleep(0.5)

        holding = pool.submit(hold)
        has_begun.wait()
        with pytest.raises(KeyboardInterrupt):
            store_of(session).functions.attempt(asked, b"w" * 32, ticket=None)
        holding.result()
    assert floor.kinds()[-2:] == ONE_MISS


def test_unknown_names_and_refused_commands_are_recorded(floor: Floor) -> None:
    """A desk records both, with its database login."""
    floor.collected()
    number = floor.last()
    with floor.at_the_desk() as session:
        with pytest.raises(UnknownUser):
            verify(session, "mallory", PIN, "T-7")
        note_refusal(session, Rule.ROLE)
    rows = "SELECT kind, outcome, agent, database_login FROM pincli.trail WHERE number > %s"
    assert floor.database.sql(rows, number) == [
        ("refused", "unknown_user", "mia", "desk1"),
        ("refused", "role", "mia", "desk1"),
    ]
    texts = "SELECT name, ticket FROM pincli.texts ORDER BY number DESC LIMIT 1"
    assert floor.database.sql(texts) == [("mallory", "T-7")]
    floor.require_sound()


def test_looking_ends_an_attempt_that_was_left_open(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended after ten seconds, without a wait, and the lock is recorded."""
    floor.collected()
    with floor.at_the_desk() as session:
        for _ in range(5):
            verify(session, "alice", WRONG, None)
        with floor.without_settle(), pytest.raises(StoreUnavailable):
            verify(session, "alice", WRONG, None)
        (open_one,) = session.store.people.find("alice")
        assert open_one.attempt is not None
        end_left_open(session)
        assert floor.user().attempt is not None
        began = time.monotonic()
        with held(floor), pytest.raises(StoreBusy):
            store_of(session).functions.finish(open_one)
        assert time.monotonic() - began < 4
        monkeypatch.setattr(verifying, "LEFT_OPEN", timedelta(seconds=-2))
        ((definition,),) = floor.database.sql(_AT_ONCE)
        floor.database.sql(definition)
        end_left_open(session)
    assert floor.user().locked_since is not None


def _verify_often(session: Session) -> None:
    """Verify until the tables' last pages are full too."""
    for _ in range(500):
        verify(session, "alice", PIN, None)


@pytest.mark.system
def test_a_full_disk_charges_nothing(server: Server, tmp_path: Path) -> None:
    """A full disk is reported, and the next command works once there is room."""
    with small_disk(server, make_schema) as disk:
        floor = new_floor(disk.database, tmp_path)
        floor.collected()
        disk.fill()
        with floor.at_the_desk() as session:
            with pytest.raises(StoreUnavailable) as raised:
                _verify_often(session)
            assert raised.value.fault is Fault.FULL
            assert raised.value.charge in {"not charged", "charged"}
            assert "the disk is full" in describe(raised.value).message
            disk.free()
            assert verify(session, "alice", PIN, None).outcome is Outcome.VERIFIED
        floor.require_sound()
