"""Query plans: what is asked while somebody waits is answered by an index, at any size."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from pincli.errors import StoreTampered
from pincli.models import EventFilter, Origin, State, UserType
from pincli.store.sealing import Sealers
from pincli.store.sql.trail import SqlTrail
from pincli.store.sqlite.transaction import SqliteTransaction
from tests.store.population import (
    Person,
    Told,
    listed,
    people_of,
    populated,
    put_events,
    rows_of,
)

Question = Callable[[sqlite3.Connection], object]


class OneSeal:
    """Seals everything alike."""

    fingerprint = "audit"

    def seal_trail(self, store_id: str, number: int, link: bytes) -> bytes:
        """The seal that everything in a populated store has."""
        return b"seal"

    def seal_record(self, store_id: str, digest: bytes) -> bytes:
        """The same."""
        return b"seal"


def transaction(connection: sqlite3.Connection) -> SqliteTransaction:
    """What a step asks, of a connection."""
    sealer = OneSeal()
    sealers = Sealers(sealer, lambda _: sealer, lambda: [])
    origin = Origin("amy", "test")
    return SqliteTransaction(connection, Path("pincli.db"), sealers=sealers, origin=origin)


def trail(connection: sqlite3.Connection) -> SqlTrail:
    """The questions about a trail, asked of a connection."""
    return SqlTrail(rows_of(connection), with_old=False)


def ending(connection: sqlite3.Connection) -> None:
    """What a settle asks whose attempt somebody else has ended."""
    open_write = transaction(connection)
    with suppress(StoreTampered):
        open_write.ending_of(open_write.users([1])[0], 7)


QUESTIONS: dict[str, Question] = {
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
"""By number from the end, and only as far as a page goes; and the one row of the store."""
WITHOUT_SORTING = QUESTIONS.keys() - {
    "near users",
    "a ticket's events",  # of one stretch
    "near accounts",
    "a transaction's users",
    "the totals",
    "an account's totals",
    "users of a type",
    *(f"every {state}" for state in State),
}


def plans_of(question: Question) -> list[str]:
    """How SQLite goes about everything that a question makes it look up."""
    with populated([Person("alice", failed_attempts=6)]) as connection:
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        question(connection)
        connection.set_trace_callback(None)
        assert asked
        return [
            detail
            for statement in asked
            for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        ]


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_reads_the_whole_table(name: str) -> None:
    """Every look-up goes by an index or by row number; only totals walk along an index."""
    for detail in plans_of(QUESTIONS[name]):
        if detail.startswith("SCAN"):
            assert "INDEX" in detail or detail in WALKS, detail


@pytest.mark.parametrize("name", sorted(WITHOUT_SORTING))
def test_no_page_is_sorted(name: str) -> None:
    """The index gives the rows in order: a page costs a page, and not the whole list."""
    assert [detail for detail in plans_of(QUESTIONS[name]) if "TEMP B-TREE" in detail] == []


def test_the_locked_are_found_by_the_index_of_the_locked() -> None:
    """Few are locked of many: nobody else is looked at to find them."""
    plans = plans_of(QUESTIONS["every locked"]) + plans_of(QUESTIONS["the latest locks"])
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
def test_the_trail_and_open_attempts_are_asked_by_their_indexes(name: str, index: str) -> None:
    """However long the trail and however many users, only what is asked for is looked at."""
    assert any(index in plan for plan in plans_of(QUESTIONS[name])), plans_of(QUESTIONS[name])


def test_a_record_is_checked_as_quickly_after_a_thousand_events_about_its_user() -> None:
    """Its newest change is one look into the index, not a walk along all of them."""
    looked = []
    for events in (1, 5000):
        with populated([Person("alice")]) as connection:
            put_events(connection, [Told("verified")] * events)
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
