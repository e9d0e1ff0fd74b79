"""The desk's side of a store on a server: one connection for the calls of a shift."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pincli.commands.desk.state import Card, Check, Find, Refusal
from pincli.commands.desk.work import Work
from pincli.commands.invocation import Invocation
from pincli.config import Config
from pincli.models import Outcome, Verdict
from pincli.store.postgresql.connection import connect
from pincli.store.postgresql.engine import PostgresStore
from pincli.vault.answers import Answers
from tests.support.cutting_proxy import proxied
from tests.support.desk import CHEAP
from tests.support.served import ServedDesk

pytestmark = pytest.mark.parametrize("desk", ["postgresql"], indirect=True)

_OURS = "FROM pg_stat_activity WHERE usename = 'desk1' AND datname = current_database()"


@contextmanager
def shift(desk: ServedDesk) -> Iterator[Work]:
    """A shift at a desk's host."""
    config = Config(desk.as_login("desk1").location, desk.keys, "mia")
    invocation = Invocation(None, "desk", as_json=False, config=config)
    work = Work(invocation, Answers(CHEAP))
    try:
        yield work
    finally:
        work.close()


def store_of(work: Work) -> PostgresStore:
    """The store of the call."""
    assert work._session is not None
    assert isinstance(work._session.store, PostgresStore)
    return work._session.store


def lead_elsewhere(work: Work, desk: ServedDesk) -> None:
    """Let the connection be one to a database without a store."""
    host = store_of(work)._host
    host._connection.close()
    there = replace(desk, database_there=desk.database_there.server.postgres)
    host._connection = connect(there.location)


def look_up(work: Work) -> Check:
    """Name Alice; what is to be checked then."""
    found = work.find(Find("alice"))
    assert isinstance(found, Card), found
    return Check(found.user, "444159", None)


def call(work: Work) -> None:
    """A call of Alice's, from her name to the verdict."""
    verdict = work.check(look_up(work))
    assert isinstance(verdict, Verdict), verdict
    assert verdict.outcome is Outcome.VERIFIED


def test_calls_share_a_connection_and_nothing_else(desk: ServedDesk) -> None:
    """Each call opens the store again; the process at the server stays, and ends with the shift."""
    desk.collected("alice")
    with shift(desk) as work:
        call(work)
        store, before = store_of(work), desk.sql(f"SELECT pid {_OURS}")
        call(work)
        assert store_of(work) is not store
        assert desk.sql(f"SELECT pid {_OURS}") == before
        assert len(before) == 1
    assert desk.sql(f"SELECT pg_terminate_backend(pid, 5000) {_OURS}") == []


def test_enter_is_two_round_trips(desk: ServedDesk) -> None:
    """One to ask, and one to charge and settle."""
    desk.collected("alice")
    with (
        proxied(desk.database_there, delay=0.01) as proxy,
        shift(replace(desk, database_there=proxy.database)) as work,
    ):
        call(work)
        check = look_up(work)
        before = proxy.flights
        work.check(check)
        assert proxy.flights - before == 2


def test_a_connection_that_ended_between_calls_is_replaced(desk: ServedDesk) -> None:
    """No call is refused for it."""
    desk.collected("alice")
    with shift(desk) as work:
        call(work)
        desk.sql(f"SELECT pg_terminate_backend(pid, 5000) {_OURS}")
        call(work)


def test_a_connection_that_has_become_useless_is_replaced(desk: ServedDesk) -> None:
    """As after a failover: it is open, and there is no store behind it any more."""
    desk.collected("alice")
    with shift(desk) as work:
        call(work)
        lead_elsewhere(work, desk)
        call(work)


def test_after_a_refusal_nothing_is_kept(desk: ServedDesk) -> None:
    """What refused this call may be what the connection leads to."""
    desk.collected("alice")
    with shift(desk) as work:
        check = look_up(work)
        lead_elsewhere(work, desk)
        assert isinstance(work.check(check), Refusal)
        assert work._cache.is_empty
        call(work)
