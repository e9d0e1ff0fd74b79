"""The trail on disk: numbered without a gap, linked and sealed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from pincli.errors import PincliError
from pincli.models import EventKind, UserType
from pincli.operations import locks, people, pins
from pincli.operations.session import Session
from pincli.operations.verify import verify
from pincli.store.steps import pins as pin_steps
from tests.store.attempting import charged
from tests.store.chain import computed_links, require_sound, rows_of, stored_links
from tests.support.desk import Desk, new_desk
from tests.support.replay import replay

PIN = "444159"
WRONG = "111222"


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """Make a store in which every kind of event has happened."""
    desk.collected("alice", pin=PIN)
    desk.add("bob", kind=UserType.DATAPIPE)
    desk.add("carol", account="globex")
    with desk.session() as session:
        verify(session, "alice", PIN, "T-1")
        for _ in range(6):
            verify(session, "alice", WRONG, None)
        verify(session, "alice", PIN, None)
        pins.show(session, "alice")
        locks.unlock(session, "alice", "said so")
        pins.show(session, "carol")
        for refused in (
            lambda: pins.change(session, "alice", PIN),
            lambda: pins.show(session, "bob"),
            lambda: locks.unlock(session, "alice", "again"),
            lambda: verify(session, "nobody", PIN, "T-2"),
        ):
            with suppress(PincliError):
                refused()
        people.set_active(session, "bob", active=False, reason="left")
        people.set_active(session, "bob", active=True, reason=None)
        withdraw(session, "carol", "incident")
        pins.show(session, "carol")
        charged(session, desk.user("carol"), WRONG, "T-3")
        charged(session, desk.user("carol"), WRONG, None)
        withdraw(session, "carol", None)
        withdraw(session, "alice", None)
        verify(session, "alice", PIN, None)
        pins.show(session, "carol")
        verify(session, "carol", WRONG, None)
        people.set_active(session, "carol", active=False, reason=None)
        withdraw(session, "carol", None)
    return desk


def withdraw(session: Session, name: str, reason: str | None) -> None:
    """Reset a user as bulk work does."""
    (user,) = session.store.people.find(name)
    session.store.write(pin_steps.withdraw, [user.id], unlock=False, reason=reason)


def test_everything_has_happened(busy: Desk) -> None:
    """The trail has all kinds of events about users."""
    kinds = {event.kind for event in busy.events()}
    assert kinds >= {
        EventKind.INITIALISED,
        EventKind.USER_ADDED,
        EventKind.DEACTIVATED,
        EventKind.ACTIVATED,
        EventKind.ATTEMPT,
        EventKind.VERIFIED,
        EventKind.INCORRECT,
        EventKind.REFUSED,
        EventKind.LOCKED,
        EventKind.UNLOCKED,
        EventKind.PIN_GENERATED,
        EventKind.PIN_CHANGED,
        EventKind.PIN_SHOWN,
        EventKind.PIN_WITHDRAWN,
        EventKind.RESET,
    }


def test_every_link_seal_and_digest_is_right(busy: Desk) -> None:
    """Links, seals and digests agree with an independent computation."""
    require_sound(busy)
    assert replay(busy.sql) == []


def test_the_numbers_have_no_gap(busy: Desk) -> None:
    """Events are numbered from 1 without a gap."""
    numbers = [seq for (seq,) in busy.sql("SELECT number FROM trail ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_outcome_names_its_attempt(busy: Desk) -> None:
    """Every attempt is ended once, by a later event with its number."""
    events = busy.events()
    attempts = [event.seq for event in events if event.kind is EventKind.ATTEMPT]
    ends = [event for event in events if event.attempt is not None]
    assert sorted(event.attempt or 0 for event in ends) == attempts
    assert all(event.seq > (event.attempt or 0) for event in ends)


def test_no_event_holds_a_pin(busy: Desk) -> None:
    """The trail holds no right or wrong answer, and no PIN that was shown."""
    with busy.session() as session:
        people.set_active(session, "carol", active=True, reason=None)
        carols = pins.show(session, "carol").pin
    text = repr([rows_of(busy, table) for table in ("trail", "texts")])
    assert all(secret not in text for secret in (PIN, WRONG, carols))


def test_every_event_has_agent_command_and_figures(desk: Desk) -> None:
    """An event has agent, command, time, and the figures of the record after it."""
    desk.collected("alice", pin=PIN)
    with desk.session(agent="root", command="verify") as session:
        verify(session, "alice", WRONG, "T-9")
    attempt, outcome = desk.events()[-2:]
    for event in (attempt, outcome):
        assert (event.agent, event.command) == ("root", "verify")
        assert (event.user, event.account, event.ticket) == ("alice", "acme", "T-9")
        assert (event.attempts_used, event.pin_version) == (1, 1)
        assert event.at.endswith("Z")
        assert len(event.at) == len("2026-01-02T03:04:05Z")
    assert (attempt.kind, outcome.kind) == (EventKind.ATTEMPT, EventKind.INCORRECT)
    assert (attempt.outcome, outcome.outcome) == (None, "incorrect")


def test_only_the_last_event_of_a_transaction_is_sealed(busy: Desk) -> None:
    """Each transaction seals its last event only."""
    trail = rows_of(busy, "trail")
    assert trail[-1]["seal"] is not None
    sealed = {event["kind"] for event in trail if event["seal"] is not None}
    unsealed = {event["kind"] for event in trail if event["seal"] is None}
    assert "attempt" in sealed - unsealed
    assert "deactivated" in unsealed


def test_an_edited_row_breaks_the_chain(busy: Desk) -> None:
    """An edit of any column breaks a link or a digest."""
    lookalikes: tuple[str | int | bytes | None, ...] = (None, "", "x", 0, 1, "1", b"", b"1")
    for table, kind in (("trail", "incorrect"), ("texts", "unlocked")):
        query = "SELECT max(number) FROM trail WHERE kind = ?"
        ((number,),) = busy.sql(query, kind)
        for column in rows_of(busy, table)[0].keys() - {"number", "seal"}:
            query = f"SELECT {column} FROM {table} WHERE number = ?"  # noqa: S608
            ((before,),) = busy.sql(query, number)
            edit = f"UPDATE {table} SET {column} = ? WHERE number = ?"  # noqa: S608
            for value in lookalikes:
                with suppress(sqlite3.IntegrityError):  # a type that the column does not take
                    busy.sql(edit, value, number)
                ((now,),) = busy.sql(query, number)
                assert is_sound(busy) is (now == before), (column, value)
            busy.sql(edit, before, number)


def is_sound(desk: Desk) -> bool:
    """Whether the independent check passes."""
    try:
        require_sound(desk)
    except (AssertionError, KeyError):
        return False
    return True


def test_a_removed_row_breaks_the_chain(busy: Desk) -> None:
    """A removed event breaks the chain, even if later events are renumbered."""
    ((number,),) = busy.sql("SELECT max(number) FROM trail WHERE kind = 'incorrect'")
    busy.sql("DELETE FROM trail WHERE number = ?", number)
    assert stored_links(busy) != computed_links(busy)
    for later in range(number + 1, number + 1 + len(stored_links(busy))):
        busy.sql("UPDATE trail SET number = number - 1 WHERE number = ?", later)
    assert stored_links(busy) != computed_links(busy)


def test_two_swapped_rows_break_the_chain(busy: Desk) -> None:
    """Swapping two events breaks the chain."""
    ((number,),) = busy.sql("SELECT max(number) FROM trail WHERE kind = 'incorrect'")
    for old, new in ((number, 9999), (number - 1, number), (9999, number - 1)):
        busy.sql("UPDATE trail SET number = ? WHERE number = ?", new, old)
    assert stored_links(busy) != computed_links(busy)


def test_the_first_link_binds_the_store(desk: Desk) -> None:
    """The first link depends on the store's id."""
    links = stored_links(desk)
    assert links == computed_links(desk)
    desk.sql("UPDATE store SET store_id = 'another'")
    assert links[0] != computed_links(desk)[0]


def test_two_stores_share_neither_id_nor_first_link(desk: Desk, tmp_path: Path) -> None:
    """Each init makes a new store id."""
    other = new_desk(tmp_path / "other")
    assert desk.sql("SELECT store_id FROM store") != other.sql("SELECT store_id FROM store")
    assert stored_links(desk)[0] != stored_links(other)[0]
