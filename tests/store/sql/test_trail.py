"""The trail as a list: filtered and paged, it holds what a filter by hand holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pincli.models import EventFilter, EventKind
from pincli.store.sql import trail
from pincli.store.sql.trail import SqlTrail
from pincli.store.sqlite.schema import migrate
from tests.store.population import rows_of
from tests.support.desk import Desk

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
    kind=st.none() | st.sampled_from(KINDS),
    since=st.none() | st.sampled_from(TIMES) | st.just("2027-01-01T00:00:00Z"),
)


def numbers_of(rows: list[Row], wanted: EventFilter) -> list[int]:
    """The numbers of the events that a filter lets through, by hand."""
    return [
        seq
        for seq, (at, agent, kind, user, account) in enumerate(rows, start=1)
        if wanted.user in (None, user)
        and wanted.account in (None, account)
        and wanted.agent in (None, agent)
        and (wanted.kind is None or wanted.kind.value == kind)
        and (wanted.since is None or at >= wanted.since)
    ]


def put(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Tables with these events in them."""
    connection.execute("BEGIN")
    migrate(connection)
    connection.executemany(
        "INSERT INTO events (at, agent, command, kind, user, account, mac) "
        "VALUES (?, ?, '', ?, ?, ?, '')",
        rows,
    )
    connection.execute("COMMIT")


@settings(max_examples=150)
@given(
    rows=events,
    wanted=filters,
    limit=st.integers(0, 30),
    page=st.integers(1, 6),
    stretch=st.integers(1, 12),
)
def test_the_newest_come_first_and_none_is_lost(
    rows: list[Row], wanted: EventFilter, limit: int, page: int, stretch: int
) -> None:
    """Whatever filter, limit, page and stretch, it is the newest that the filter lets through."""
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(trail, "PAGE", page)
        patch.setattr(trail, "STRETCH", stretch)
        put(connection, rows)
        pages = list(SqlTrail(rows_of(connection)).newest_first(wanted, limit=limit))
    found = [event.seq for each in pages for event in each]
    assert found == numbers_of(rows, wanted)[::-1][:limit]
    assert all(0 < len(each) <= page for each in pages)


@settings(max_examples=100)
@given(rows=events, wanted=filters, seq=st.integers(0, 30), page=st.integers(1, 6))
def test_the_next_ones_come_in_order(
    rows: list[Row], wanted: EventFilter, seq: int, page: int
) -> None:
    """Above a number, oldest first, at most a page of those that the filter lets through."""
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(trail, "PAGE", page)
        put(connection, rows)
        reader = SqlTrail(rows_of(connection))
        found = [event.seq for event in reader.after(seq, wanted)]
        raw = [row[0] for row in reader.raw_after(seq)]
    above = [number for number in range(1, len(rows) + 1) if number > seq]
    assert found == [number for number in numbers_of(rows, wanted) if number > seq][:page]
    assert raw == above[:page]


def test_the_head_is_the_last_event(desk: Desk) -> None:
    """Its number and mac, to be compared with one that was printed earlier."""
    desk.add("alice")
    with desk.session() as session:
        assert session.store.trail.head() == desk.sql("SELECT seq, mac FROM events")[-1]


def test_a_record_that_its_last_event_does_not_explain_is_found(desk: Desk) -> None:
    """An old row put back, or a counter set to 0 by hand, shows against the trail."""
    for name in ("alice", "bob", "carol"):
        desk.collected(name)
    with desk.session() as session:
        assert session.store.trail.mismatches_after(0)[1] == []
        desk.sql("UPDATE users SET failed_attempts = 3 WHERE user = 'bob'")
        desk.sql("UPDATE users SET pin_version = 7 WHERE user = 'carol'")
        _, found = session.store.trail.mismatches_after(0)
    assert [(each.login, each.field) for each in found] == [
        ("bob", "attempts counter"),
        ("carol", "PIN version"),
    ]
