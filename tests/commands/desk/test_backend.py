"""The store's side of a shift: tickets on both engines, and one connection to a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from pincli.commands.desk.backend import Backend
from pincli.commands.desk.controller import Controller
from pincli.commands.desk.state import Call, Card, Check, Failure, Find
from pincli.commands.desk.transitions import enter, type_pin
from pincli.commands.invocation import Invocation
from pincli.commands.output import TICKET_MASKED
from pincli.config import Config
from pincli.models import Outcome
from pincli.operations import keys, people
from pincli.operations.locks import lock
from pincli.store.postgresql.connection import connect
from pincli.store.postgresql.engine import PostgresStore
from pincli.vault.answers import Answers
from tests.commands.desk.playing import after
from tests.store.attempting import PIN, WRONG
from tests.support.cutting_proxy import proxied
from tests.support.desk import CHEAP, Desk
from tests.support.driving import wait_until
from tests.support.served import ServedDesk

served = pytest.mark.parametrize("desk", ["postgresql"], indirect=True)

_OURS = "FROM pg_stat_activity WHERE usename = 'desk1' AND datname = current_database()"


@contextmanager
def shift(desk: Desk) -> Iterator[Backend]:
    """A shift at an agent's host."""
    front = desk.as_login("desk1") if isinstance(desk, ServedDesk) else desk
    config = Config(front.location, desk.keys, "mia")
    backend = Backend(Invocation(None, "desk", as_json=False, config=config), Answers(CHEAP))
    try:
        yield backend
    finally:
        backend.close()


def store_of(backend: Backend) -> PostgresStore:
    """The store of the call."""
    assert backend._session is not None
    assert isinstance(backend._session.store, PostgresStore)
    return backend._session.store


def lead_elsewhere(backend: Backend, desk: ServedDesk) -> None:
    """Let the connection be one to a database without a store."""
    client = store_of(backend)._client
    client._connection.close()
    there = replace(desk, database_there=desk.database_there.server.postgres)
    client._connection = connect(there.location)


def look_up(backend: Backend) -> Check:
    """Open Alice's card; the request with her PIN."""
    found = backend.respond(Find("alice"))
    assert isinstance(found, Card), found
    return Check(found.user, PIN, None)


def call(backend: Backend) -> None:
    """A call of Alice's, from her name to the verdict."""
    answered = backend.respond(look_up(backend))
    assert isinstance(answered, Call), answered
    assert answered.verdict.outcome is Outcome.VERIFIED


@pytest.mark.parametrize(
    ("answer", "kept"), [(PIN, "******"), (WRONG, PIN)], ids=["the answer", "another"]
)
def test_the_agent_sees_when_the_answer_in_a_ticket_is_masked(
    desk: Desk, answer: str, kept: str
) -> None:
    """With the verdict, and in the list of the last calls as in the trail."""
    desk.collected("alice")
    with shift(desk) as backend:
        controller = Controller(backend)
        controller.apply(enter(after(controller.shift, f"alice #{PIN}")))
        assert controller.shift.warning == ""
        controller.apply(enter(type_pin(controller.shift, answer)))
        assert controller.shift.warning == (TICKET_MASKED if "*" in kept else "")
        assert [each.ticket for each in controller.shift.calls] == [kept]
        assert desk.events("alice")[-1].ticket == kept
        assert not backend._invocation.ticket_masked  # so it isn't said again at the end


def test_a_ticket_given_for_a_locked_user_is_listed(desk: Desk) -> None:
    """The refusal comes in place of the question, with the ticket as it was recorded."""
    desk.collected("alice")
    with desk.session() as session:
        lock(session, [desk.user("alice")], "odd")
    with shift(desk) as backend:
        for ticket, kept, warning in (("T-1", "T-1", ""), (PIN, "******", TICKET_MASKED)):
            controller = Controller(backend)
            controller.apply(enter(after(controller.shift, f"alice #{ticket}")))
            assert [each.ticket for each in controller.shift.calls] == [kept]
            assert controller.shift.warning == warning


@pytest.mark.parametrize("kind", [keys.KeyKind.VERIFY, keys.KeyKind.AUDIT])
@pytest.mark.parametrize("at", ["between calls", "at the question"])
def test_a_rotated_key_is_taken_up(desk: Desk, at: str, kind: keys.KeyKind) -> None:
    """Answers are compared as before a rotation in mid shift."""
    desk.collected("alice")
    with shift(desk) as backend:
        check = look_up(backend)
        with desk.session() as session:
            keys.rotate(session, kind)
        if at == "between calls":
            check = look_up(backend)
        for request in (check, look_up(backend)):
            answered = backend.respond(request)
            assert isinstance(answered, Call), answered
            assert answered.verdict.outcome is Outcome.VERIFIED


def test_a_user_who_is_deactivated_at_the_question(desk: Desk) -> None:
    """The answer is refused, and not charged."""
    desk.collected("alice")
    with shift(desk) as backend:
        check = look_up(backend)
        with desk.session() as session:
            people.set_active(session, "alice", active=False, reason=None)
        answered = backend.respond(check)
        assert isinstance(answered, Call), answered
        assert answered.verdict.outcome is Outcome.INACTIVE
    assert desk.user("alice").attempts_total == 0


def test_an_answer_for_a_user_who_is_gone_is_a_no(desk: Desk) -> None:
    """Renamed or erased at the question, they are not verified, and the call ends."""
    desk.collected("alice")
    with shift(desk) as backend:
        check = look_up(backend)
        gone = check._replace(user=check.user._replace(login="gone"))
        assert isinstance(backend.respond(gone), Failure)


def test_no_lock_is_held_while_the_agent_types(desk: Desk) -> None:
    """Others verify the same caller, and lock them, without waiting."""
    desk.collected("alice")
    with shift(desk) as backend:
        check = look_up(backend)
        assert desk.verify("alice", PIN).code == 0
        assert desk.run("lock", "alice", "--reason", "odd").code == 0
        answered = backend.respond(check)
        assert isinstance(answered, Call), answered
        assert answered.verdict.outcome is Outcome.LOCKED


@served
def test_calls_share_a_connection_and_nothing_else(desk: ServedDesk) -> None:
    """Each call opens the store again; the server's process stays, and ends with the shift."""
    desk.collected("alice")
    with shift(desk) as backend:
        call(backend)
        store, before = store_of(backend), desk.sql(f"SELECT pid {_OURS}")
        call(backend)
        assert store_of(backend) is not store
        assert desk.sql(f"SELECT pid {_OURS}") == before
        assert len(before) == 1
    wait_until(lambda: not desk.sql(f"SELECT pid {_OURS}"), "the end of the server's process")


@served
def test_enter_is_two_round_trips(desk: ServedDesk) -> None:
    """One to ask, and one to charge and settle."""
    desk.collected("alice")
    with (
        proxied(desk.database_there, delay=0.01) as proxy,
        shift(replace(desk, database_there=proxy.database)) as backend,
    ):
        call(backend)
        check = look_up(backend)
        before = proxy.flights
        backend.respond(check)
        assert proxy.flights - before == 2


@served
def test_a_connection_that_is_of_no_use_is_replaced(desk: ServedDesk) -> None:
    """No call is refused for one that ended, or that leads to no store, as after a failover."""
    desk.collected("alice")
    with shift(desk) as backend:
        call(backend)
        desk.sql(f"SELECT pg_terminate_backend(pid, 5000) {_OURS}")
        call(backend)
        lead_elsewhere(backend, desk)
        call(backend)


@served
def test_after_a_failure_the_connection_is_not_kept(desk: ServedDesk) -> None:
    """It may be what failed."""
    desk.collected("alice")
    with shift(desk) as backend:
        check = look_up(backend)
        lead_elsewhere(backend, desk)
        assert isinstance(backend.respond(check), Failure)
        assert backend._cache.is_empty
        call(backend)
