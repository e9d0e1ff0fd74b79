"""Filtered and paged lists of events agree with a filter by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pincli.models import EventKind
from pincli.operations.verify import verify
from pincli.results import EventFilter
from pincli.store.sql import trail
from pincli.store.sql.trail import SqlTrail
from pincli.store.sqlite.tables import FROM_SCHEMA_1
from tests.operations.resetting import reset_named
from tests.store.population import PastEvent, Person, populated, put_events, rows_of
from tests.support.desk import Desk
from tests.support.turns import EVERYTHING

Row = tuple[str, str, str, str | None, str | None]

KINDS = (EventKind.ATTEMPT, EventKind.VERIFIED, EventKind.LOCKED)
NAMES = ("alice", "bob")
TIMES = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")

events = st.lists(
    st.tuples(
        st.sampled_from(TIMES),  # in no order: clocks may jump back
        st.sampled_from(NAMES),
        st.sampled_from([kind.value for kind in KINDS]),
        st.none() | st.sampled_from(NAMES),
        st.none() | st.sampled_from(NAMES),
    ),
    max_size=25,
)
filters = st.builds(
    EventFilter,
    user=st.none() | st.sampled_from(NAMES),
    account=st.none() | st.sampled_from(NAMES),
    agent=st.none() | st.sampled_from(NAMES),
    kind=st.none() | st.sampled_from((*KINDS, "reset")),
    ticket=st.none() | st.sampled_from(NAMES),
    until=st.none() | st.sampled_from(TIMES) | st.just("2025-01-01T00:00:00Z"),
    after=st.none() | st.integers(0, 27),
    since=st.none() | st.sampled_from(TIMES) | st.just("2027-01-01T00:00:00Z"),
)


_COMMANDS_AND_TICKETS = (
    "UPDATE old_events SET command = 'reset' WHERE seq % 3 = 0",
    "UPDATE old_events SET ticket = account",
    "UPDATE trail SET command = 'reset' WHERE number % 3 = 0",
    "INSERT INTO texts (number, blind) SELECT number, zeroblob(16) FROM trail"
    " WHERE number NOT IN (SELECT number FROM texts)",
    "UPDATE texts SET ticket = (SELECT account FROM trail t WHERE t.number = texts.number)",
)
"""Make every third event's command `reset`, and each event's ticket its account."""


def numbers_of(rows: list[Row], wanted: EventFilter) -> list[int]:
    """Return the numbers of the events that match a filter."""
    return [
        seq
        for seq, (at, agent, kind, user, account) in enumerate(rows, start=1)
        if wanted.user in (None, user)
        and wanted.account in (None, account)
        and wanted.agent in (None, agent)
        and (wanted.kind in (None, kind) or (wanted.kind == "reset" and seq % 3 == 0))
        and wanted.ticket in (None, account)
        and (wanted.until is None or at <= wanted.until)
        and (wanted.after is None or seq > wanted.after)
        and (wanted.since is None or at >= wanted.since)
    ]


@contextmanager
def reading(rows: list[Row], old: int = 0) -> Iterator[SqlTrail]:
    """Make a trail of these events, the first `old` of them in the table of schema 1.

    alice is a user, and bob an unknown name.
    """
    with populated([Person("alice")]) as connection:
        if old:
            for statement in FROM_SCHEMA_1:
                connection.execute(statement)
            connection.executemany(
                "INSERT INTO old_events (at, agent, command, kind, user, account, mac) "
                "VALUES (?, ?, '', ?, ?, ?, '')",
                rows[:old],
            )
            connection.execute("UPDATE store SET start_number = ?", (min(old, len(rows)),))
        past = [
            PastEvent(kind, user, at, agent, account) for at, agent, kind, user, account in rows
        ]
        put_events(connection, past[old:], after=min(old, len(rows)))
        for statement in _COMMANDS_AND_TICKETS[0 if old else 2 :]:
            connection.execute(statement)
        yield SqlTrail(rows_of(connection), with_old=bool(old))


@settings(max_examples=150 if EVERYTHING else 40)
@given(
    rows=events,
    wanted=filters,
    limit=st.integers(0, 30),
    page=st.integers(1, 6),
    stretch=st.integers(1, 12),
    old=st.just(0) | st.integers(0, 25),
)
def test_the_newest_come_first_and_none_is_lost(
    rows: list[Row], wanted: EventFilter, limit: int, page: int, stretch: int, old: int
) -> None:
    """Lists and counts are right for every filter, limit, page, stretch and share of schema 1."""
    with reading(rows, old) as reader, pytest.MonkeyPatch.context() as patch:
        patch.setattr(trail, "PAGE", page)
        patch.setattr(trail, "STRETCH", stretch)
        pages = list(reader.newest_first(wanted, limit=limit))
        counted = reader.count(wanted, up_to=limit)
    found = [event.seq for each in pages for event in each]
    assert found == numbers_of(rows, wanted)[::-1][:limit]
    assert counted == sum(number <= limit for number in numbers_of(rows, wanted))
    assert all(0 < len(each) <= page for each in pages)


@settings(max_examples=100 if EVERYTHING else 25)
@given(
    rows=events,
    wanted=filters,
    seq=st.integers(0, 30),
    page=st.integers(1, 6),
    old=st.just(0) | st.integers(0, 25),
)
def test_the_next_ones_come_in_order(
    rows: list[Row], wanted: EventFilter, seq: int, page: int, old: int
) -> None:
    """The events after a number come in order, at most a page at a time."""
    with reading(rows, old) as reader, pytest.MonkeyPatch.context() as patch:
        patch.setattr(trail, "PAGE", page)
        found = [seq]
        while following := [event.seq for event in reader.after(found[-1], wanted)]:
            assert len(following) <= page
            found += following
        raw = [event.number for event in reader.raw_after(seq)]
        before = [row[0] for row in reader.old_after(seq)]
    assert found[1:] == [number for number in numbers_of(rows, wanted) if number > seq]
    newer = [number for number in range(old + 1, len(rows) + 1) if number > seq]
    assert raw == newer[:page]
    older = [number for number in range(1, min(old, len(rows)) + 1) if number > seq]
    assert before == older[:page]


def test_the_head_is_the_last_event(desk: Desk) -> None:
    """The head is the last event's number and link."""
    desk.add("alice")
    with desk.session() as session:
        assert session.store.trail.head() == desk.sql("SELECT number, link FROM trail")[-1]


def test_the_head_of_an_empty_trail_is_its_start() -> None:
    """Without events the head is the start of the trail."""
    with reading([("t", "amy", "attempt", None, None)], old=1) as reader:
        assert reader.head() == (1, bytes(32))
        assert reader.start()[:2] == (1, bytes(32))


def test_an_event_is_shown_with_its_users_present_login_and_its_texts(desk: Desk) -> None:
    """A list shows the present login, the reason and the ticket."""
    desk.collected("alice")
    with desk.session() as session:
        verify(session, "alice", "444159", "T-1")
        reset_named(session, "alice", reason="incident")
    event = desk.events()[-1]
    assert (event.user, event.account, event.reason) == ("alice", "acme", "incident")
    assert [event.ticket for event in desk.events("alice")][-3:] == ["T-1", "T-1", None]


@pytest.mark.parametrize("gap", [10**9, 2**62])
def test_a_gap_of_billions_in_the_trail_holds_nobody_up(gap: int) -> None:
    """Lists step from one existing number to the next, so a gap costs nothing."""
    with populated([Person("alice")]) as connection:
        put_events(connection, [PastEvent("attempt"), PastEvent("verified")])
        connection.execute("UPDATE trail SET number = ? WHERE number = 2", (gap,))
        reader = SqlTrail(rows_of(connection), with_old=False)
        pages = list(reader.newest_first(EventFilter(agent="amy"), limit=10))
        assert [event.seq for page in pages for event in page] == [gap, 1]
        assert [event.seq for event in reader.after(1, EventFilter(agent="amy"))] == [gap]
