"""Query plans: interactive queries use an index, at any size."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from pincli.errors import StoreTampered
from pincli.models import Origin, State, UserType
from pincli.results import EventFilter
from pincli.store.sealing import Sealers
from pincli.store.sql.trail import SqlTrail
from pincli.store.sqlite.transaction import SqliteTransaction
from tests.store.population import (
    PastEvent,
    Person,
    listed,
    people_of,
    populated,
    put_events,
    rows_of,
)

Query = Callable[[sqlite3.Connection], object]


class OneSeal:
    """A sealer with one seal for everything."""

    fingerprint = "audit"

    def seal_trail(self, store_id: str, number: int, link: bytes) -> bytes:
        """Return the seal of a populated store."""
        return b"seal"

    def seal_record(self, store_id: str, digest: bytes) -> bytes:
        """Return the same."""
        return b"seal"


def transaction(connection: sqlite3.Connection) -> SqliteTransaction:
    """Open a transaction on a connection."""
    sealer = OneSeal()
    sealers = Sealers(sealer, lambda _: sealer, lambda: [])
    origin = Origin("amy", "test")
    return SqliteTransaction(connection, Path("pincli.db"), sealers=sealers, origin=origin)


def trail(connection: sqlite3.Connection) -> SqlTrail:
    """Return the trail of a connection."""
    return SqlTrail(rows_of(connection), with_old=False)


def ending(connection: sqlite3.Connection) -> None:
    """Ask for the outcome of an attempt that another process has ended."""
    open_write = transaction(connection)
    with suppress(StoreTampered):
        open_write.ending_of(open_write.users([1])[0], 7)


QUERIES: dict[str, Query] = {
    "one user": lambda c: people_of(c).find("alice"),
    "some users": lambda c: people_of(c).named(["alice", "bob"]),
    "one row": lambda c: people_of(c).in_rows([1]),
    "some rows": lambda c: people_of(c).in_rows([1, 2]),
    "many users": lambda c: people_of(c).named([f"u{number}" for number in range(1000)]),
    "many rows": lambda c: people_of(c).in_rows([*range(1, 1000)]),
    "the next rows": lambda c: people_of(c).rows_after(5, 2000),
    "the next records": lambda c: people_of(c).sealed_after(5, 500),
    "a transaction's users": lambda c: transaction(c).named(
        ["alice", *(f"u{n}" for n in range(1000))]
    ),
    "a transaction's rows": lambda c: transaction(c).users([*range(1, 1000)]),
    "the end of an attempt": ending,
    "attempts left open": lambda c: people_of(c).open_since("2026-01-02T00:00:00Z"),
    "seals to another key": lambda c: people_of(c).under_another("portal", "x", 0, 1),
    "near users": lambda c: people_of(c).near("login", "alicia"),
    "near accounts": lambda c: people_of(c).near("account", "acne"),
    "an account's existence": lambda c: people_of(c).account_exists("acme"),
    "everybody": listed,
    "an account": lambda c: listed(c, account="acme"),
    "an account's locked": lambda c: listed(c, account="acme", state=State.LOCKED),
    "an account's users of a type": lambda c: listed(c, account="acme", user_type=UserType.CLOUD),
    "users of a type": lambda c: listed(c, user_type=UserType.CLOUD),
    **{f"every {state}": partial(listed, state=state) for state in State},
    "the latest locks": lambda c: people_of(c).latest_locks(10),
    "the totals": lambda c: people_of(c).totals(),
    "an account's totals": lambda c: people_of(c).totals(account="acme"),
    "the latest events": lambda c: list(trail(c).newest_first(EventFilter(), limit=10)),
    "a user's events": lambda c: list(trail(c).newest_first(EventFilter(user="alice"), limit=10)),
    "the events of an unknown name": lambda c: list(
        trail(c).newest_first(EventFilter(user="nobody"), limit=10)
    ),
    "a ticket's events": lambda c: list(trail(c).newest_first(EventFilter(ticket="T"), limit=10)),
    "how many of a ticket": lambda c: trail(c).count(EventFilter(ticket="T"), up_to=7),
    "how many in all": lambda c: trail(c).count(EventFilter(), up_to=7),
    "an agent's events": lambda c: list(trail(c).newest_first(EventFilter(agent="root"), limit=10)),
    "the head of the trail": lambda c: trail(c).head(),
    "the next events": lambda c: trail(c).after(7, EventFilter()),
    "the next events as they are": lambda c: trail(c).raw_after(7),
    "the texts of some events": lambda c: trail(c).texts_of(1, 500),
}
WALKS = {"SCAN trail", "SCAN t", "SCAN store"}
"""Scans by number that end after a page, and the store's one row."""
WITHOUT_SORTING = QUERIES.keys() - {
    "near users",
    "a ticket's events",  # of one stretch
    "near accounts",
    "a transaction's users",
    "the totals",
    "an account's totals",
    "users of a type",
    *(f"every {state}" for state in State),
}


def plans_of(query: Query) -> list[str]:
    """Return SQLite's plans for the statements of a query."""
    with populated([Person("alice", failed_attempts=6)]) as connection:
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        query(connection)
        connection.set_trace_callback(None)
        assert asked
        return [
            detail
            for statement in asked
            for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        ]


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_reads_the_whole_table(name: str) -> None:
    """Every query uses an index or row numbers; only totals scan an index."""
    for detail in plans_of(QUERIES[name]):
        if detail.startswith("SCAN"):
            assert "INDEX" in detail or detail in WALKS, detail


@pytest.mark.parametrize("name", sorted(WITHOUT_SORTING))
def test_no_page_is_sorted(name: str) -> None:
    """The index gives the rows in order, so a page doesn't cost the whole list."""
    assert [detail for detail in plans_of(QUERIES[name]) if "TEMP B-TREE" in detail] == []


def test_locked_users_are_found_by_their_indexes() -> None:
    """Locked users are found by their own indexes."""
    plans = plans_of(QUERIES["every locked"]) + plans_of(QUERIES["the latest locks"])
    assert all("people_locked" in plan or "people_by_lock_time" in plan for plan in plans), plans


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("a user's events", "trail_by_user (uid=?"),
        ("the events of an unknown name", "texts_by_name (name=?"),
        ("a ticket's events", "texts_by_ticket (ticket=? AND rowid>? AND rowid<?)"),
        ("how many of a ticket", "texts_by_ticket (ticket=? AND rowid>? AND rowid<?)"),
        ("a transaction's rows", "trail_by_change (uid=?"),
        ("the end of an attempt", "trail_by_user (uid=? AND number>?)"),
        ("attempts left open", "people_open (attempt_at<?)"),
        ("one user", "people_by_login (login=?"),
    ],
)
def test_events_and_attempts_are_found_by_their_indexes(name: str, index: str) -> None:
    """Queries about events and open attempts use these indexes."""
    assert any(index in plan for plan in plans_of(QUERIES[name])), plans_of(QUERIES[name])


def test_checking_a_record_takes_no_longer_after_many_events() -> None:
    """The newest event about a record is one index look-up."""
    looked = []
    for events in (1, 5000):
        with populated([Person("alice")]) as connection:
            put_events(connection, [PastEvent("verified")] * events)
            connection.execute(
                "UPDATE trail SET record = zeroblob(32), seal = CAST('seal' AS BLOB)"
            )
            connection.execute("UPDATE people SET event = ?", (events,))
            asking = transaction(connection)
            looked.append(0)

            def step() -> int:
                looked[-1] += 1
                return 0

            connection.set_progress_handler(step, 10)
            assert len(asking.users([1])) == 1
            connection.set_progress_handler(None, 0)
    assert looked[1] <= looked[0] + 5
