"""Reading a long trail: in short looks, so that `audit list` never holds up a verify."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.models import EventFilter, EventKind, TrailEvent
from pincli.store.sql.trail import PAGE, STRETCH, SqlTrail
from tests.store.population import Person, Told, populated, put_events, rows_of

KINDS = [EventKind.ATTEMPT, EventKind.VERIFIED, EventKind.LOCKED]


@contextmanager
def filled(kinds: list[str]) -> Iterator[sqlite3.Connection]:
    """Tables with an event of each of these kinds, in this order."""
    with populated([Person("alice")]) as connection:
        put_events(connection, [Told(kind) for kind in kinds])
        yield connection


@pytest.fixture(scope="module")
def long() -> Iterator[sqlite3.Connection]:
    """A trail of three stretches, all alike but the very first event."""
    with filled(["locked", *["verified"] * (3 * STRETCH)]) as connection:
        yield connection


def reader(connection: sqlite3.Connection) -> SqlTrail:
    """The questions about a trail, asked of a connection."""
    return SqlTrail(rows_of(connection), with_old=False)


def longest_look(connection: sqlite3.Connection, read: Callable[[], object]) -> int:
    """How many steps of SQLite's machine the longest single statement took, in hundreds."""
    looks = [0]

    def step() -> int:
        looks[-1] += 1
        return 0

    connection.set_trace_callback(lambda _: looks.append(0))
    connection.set_progress_handler(step, 100)
    read()
    connection.set_progress_handler(None, 0)
    connection.set_trace_callback(None)
    return max(looks)


RARE = (
    EventFilter(kind=EventKind.LOCKED),
    EventFilter(agent="nobody"),
    EventFilter(account="nowhere"),
    EventFilter(user="nobody"),
    EventFilter(user="alice", kind=EventKind.RESTORED),
)
STEPS = 9 * STRETCH // 100
"""What a look at one stretch may take."""


@pytest.mark.parametrize("wanted", RARE[:4], ids=str)
def test_a_list_looks_at_a_stretch_at_a_time(long: sqlite3.Connection, wanted: EventFilter) -> None:
    """Whether there is much to be found, little or nothing."""
    looked = longest_look(long, lambda: list(reader(long).newest_first(wanted, limit=10)))
    assert looked <= STEPS


@pytest.mark.parametrize("wanted", RARE[:4], ids=str)
def test_following_looks_at_a_stretch_at_a_time(
    long: sqlite3.Connection, wanted: EventFilter
) -> None:
    """What `audit list --follow` asks every half second, also where nothing comes for days."""
    looked = longest_look(long, lambda: reader(long).after(1, wanted))
    assert looked <= STEPS


@pytest.mark.parametrize("wanted", [*RARE[:4], EventFilter(ticket="T")], ids=str)
def test_counting_looks_at_a_stretch_at_a_time(
    long: sqlite3.Connection, wanted: EventFilter
) -> None:
    """For `50 of so many`; with no filter nothing is counted at all."""
    assert longest_look(long, lambda: reader(long).count(wanted, up_to=10**6)) <= STEPS
    everything: list[int] = []
    looked = longest_look(
        long, lambda: everything.append(reader(long).count(EventFilter(), up_to=10**6))
    )
    assert everything == [3 * STRETCH + 1]
    assert looked <= 1


def test_checking_reads_a_page_at_a_time(long: sqlite3.Connection) -> None:
    """By number, from any event on."""
    columns = len(TrailEvent._fields)
    looked = longest_look(long, lambda: reader(long).raw_after(STRETCH))
    assert looked <= (columns + 6) * PAGE // 100
    assert len(reader(long).raw_after(STRETCH)) == PAGE


def test_the_oldest_event_is_found_across_stretches(long: sqlite3.Connection) -> None:
    """The only one of its kind lies three stretches back."""
    pages = list(reader(long).newest_first(EventFilter(kind=EventKind.LOCKED), limit=10))
    assert [event.seq for page in pages for event in page] == [1]


def test_a_long_list_has_no_gap(long: sqlite3.Connection) -> None:
    """Page after page and stretch after stretch, every number once, downwards."""
    numbers = [
        event.seq
        for page in reader(long).newest_first(EventFilter(kind=EventKind.VERIFIED), limit=10**6)
        for event in page
    ]
    assert numbers == list(range(3 * STRETCH + 1, 1, -1))


@pytest.mark.parametrize("limit", [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
def test_no_more_than_the_limit(long: sqlite3.Connection, limit: int) -> None:
    """To the event, at the edges of pages too."""
    pages = list(reader(long).newest_first(EventFilter(), limit=limit))
    assert sum(map(len, pages)) == limit
    assert all(len(page) <= PAGE for page in pages)


@given(
    st.lists(st.sampled_from([kind.value for kind in KINDS]), max_size=30),
    st.integers(0, 32),
    st.none() | st.sampled_from(KINDS),
)
def test_what_is_new_comes_in_order(kinds: list[str], last: int, kind: EventKind | None) -> None:
    """Everything after a number that is wanted, the oldest first, and nothing else."""
    with filled(kinds) as connection:
        expected = [
            seq
            for seq, each in enumerate(kinds, start=1)
            if seq > last and (kind is None or each == kind.value)
        ]
        found = reader(connection).after(last, EventFilter(kind=kind))
        assert [event.seq for event in found] == expected


def test_nobody_is_held_up_between_two_pages(long: sqlite3.Connection) -> None:
    """No statement stays open while a page is printed."""
    for _ in reader(long).newest_first(EventFilter(), limit=3 * PAGE):
        long.execute("BEGIN IMMEDIATE")
        long.execute("ROLLBACK")
        # A statement that is still being read would make this fail.
        long.execute("PRAGMA journal_mode = DELETE").fetchall()
        long.execute("VACUUM")
