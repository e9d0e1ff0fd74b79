"""Reading a long trail takes short queries, so that `audit list` never holds up a verify."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pincli.models import EventKind, TrailEvent
from pincli.results import EventFilter
from pincli.store.sql.trail import PAGE, STRETCH, SqlTrail
from tests.store.population import PastEvent, Person, populated, put_events, rows_of


@contextmanager
def filled(kinds: list[str]) -> Iterator[sqlite3.Connection]:
    """Make a store with an event of each of these kinds, in this order."""
    with populated([Person("alice")]) as connection:
        put_events(connection, [PastEvent(kind) for kind in kinds])
        yield connection


@pytest.fixture(scope="module")
def long() -> Iterator[sqlite3.Connection]:
    """Make a trail of three stretches; only the first event has another kind."""
    with filled(["locked", *["verified"] * (3 * STRETCH)]) as connection:
        yield connection


def reader(connection: sqlite3.Connection) -> SqlTrail:
    """Return the trail of a connection."""
    return SqlTrail(rows_of(connection), with_old=False)


def longest_look(connection: sqlite3.Connection, read: Callable[[], object]) -> int:
    """Return how many hundred steps of SQLite's machine the longest statement takes."""
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
"""The most that a query of one stretch may take."""


@pytest.mark.parametrize("wanted", RARE[:4], ids=str)
def test_a_list_reads_a_stretch_at_a_time(long: sqlite3.Connection, wanted: EventFilter) -> None:
    """Each query of a list is short, however rare the wanted events are."""
    looked = longest_look(long, lambda: list(reader(long).newest_first(wanted, limit=10)))
    assert looked <= STEPS


@pytest.mark.parametrize("wanted", RARE[:4], ids=str)
def test_following_reads_a_stretch_at_a_time(long: sqlite3.Connection, wanted: EventFilter) -> None:
    """Each query of `audit list --follow` is short, however rare the wanted events are."""
    looked = longest_look(long, lambda: reader(long).after(1, wanted))
    assert looked <= STEPS


@pytest.mark.parametrize("wanted", [*RARE[:4], EventFilter(ticket="T")], ids=str)
def test_counting_reads_a_stretch_at_a_time(long: sqlite3.Connection, wanted: EventFilter) -> None:
    """Each query of a count is short; without a filter nothing is scanned."""
    assert longest_look(long, lambda: reader(long).count(wanted, up_to=10**6)) <= STEPS
    everything: list[int] = []
    looked = longest_look(
        long, lambda: everything.append(reader(long).count(EventFilter(), up_to=10**6))
    )
    assert everything == [3 * STRETCH + 1]
    assert looked <= 1


def test_checking_reads_a_page_at_a_time(long: sqlite3.Connection) -> None:
    """The check reads a page by number, from any event on."""
    columns = len(TrailEvent._fields)
    looked = longest_look(long, lambda: reader(long).raw_after(STRETCH))
    assert looked <= (columns + 6) * PAGE // 100
    assert len(reader(long).raw_after(STRETCH)) == PAGE


def test_the_oldest_event_is_found_across_stretches(long: sqlite3.Connection) -> None:
    """An event three stretches back is found."""
    pages = list(reader(long).newest_first(EventFilter(kind=EventKind.LOCKED), limit=10))
    assert [event.seq for page in pages for event in page] == [1]


@pytest.mark.parametrize("limit", [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
def test_no_more_than_the_limit(long: sqlite3.Connection, limit: int) -> None:
    """A list has exactly as many events as asked for, at the edges of pages too."""
    pages = list(reader(long).newest_first(EventFilter(), limit=limit))
    assert sum(map(len, pages)) == limit
    assert all(len(page) <= PAGE for page in pages)


def test_nobody_is_held_up_between_two_pages(long: sqlite3.Connection) -> None:
    """No statement stays open between two pages."""
    for _ in reader(long).newest_first(EventFilter(), limit=3 * PAGE):
        long.execute("BEGIN IMMEDIATE")
        long.execute("ROLLBACK")
        # An open statement would make this fail.
        long.execute("PRAGMA journal_mode = DELETE").fetchall()
        long.execute("VACUUM")
