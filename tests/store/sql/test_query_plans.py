"""Query plans: what is asked while somebody waits is answered by an index, at any size."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

import pytest

from pincli.models import EventFilter, Identity, Origin, State, UserType
from pincli.store.sql.trail import SqlTrail
from pincli.store.sqlite.transaction import SqliteTransaction
from tests.store.population import Person, listed, people_of, populated, rows_of

Question = Callable[[sqlite3.Connection], object]


class NoSigner:
    """Where nothing is written, nothing is signed."""

    fingerprint = "audit"

    def mac(self, previous: str, row: object) -> str:
        """Never asked for."""
        raise AssertionError((previous, row))


def transaction(connection: sqlite3.Connection) -> SqliteTransaction:
    """What a step asks, of a connection."""
    identity = Identity("id", "verify", "audit", "portal")
    return SqliteTransaction(
        connection, identity=identity, signer=NoSigner(), origin=Origin("amy", "test"), at="t"
    )


def trail(connection: sqlite3.Connection) -> SqlTrail:
    """The questions about a trail, asked of a connection."""
    return SqlTrail(rows_of(connection))


QUESTIONS: dict[str, Question] = {
    "one user": lambda c: people_of(c).find("alice"),
    "some users": lambda c: people_of(c).named(["alice", "bob"]),
    "one row": lambda c: people_of(c).in_rows([1]),
    "some rows": lambda c: people_of(c).in_rows([1, 2]),
    "many users": lambda c: people_of(c).named([f"u{number}" for number in range(1000)]),
    "many rows": lambda c: people_of(c).in_rows([*range(1, 1000)]),
    "the next rows": lambda c: people_of(c).rows_after(5, 2000),
    "a transaction's users": lambda c: transaction(c).named([f"u{n}" for n in range(1000)]),
    "a transaction's rows": lambda c: transaction(c).users([*range(1, 1000)]),
    "the number of the next event": lambda c: transaction(c).next_number(),
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
    "an agent's events": lambda c: list(trail(c).newest_first(EventFilter(agent="root"), limit=10)),
    "the head of the trail": lambda c: trail(c).head(),
    "the next events": lambda c: trail(c).after(7, EventFilter()),
    "the next events as they are": lambda c: trail(c).raw_after(7),
    "a page of records with their last events": lambda c: trail(c).mismatches_after(0),
}
WALKS = {"SCAN events"}
"""By number from the end, and only as far as a page goes."""
WITHOUT_SORTING = QUESTIONS.keys() - {
    "near users",
    "near accounts",
    "a transaction's users",
    "the totals",
    "an account's totals",
    "users of a type",
    *(f"every {state}" for state in State),
}


def plans_of(question: Question) -> list[str]:
    """How SQLite goes about everything that a question makes it look up."""
    with populated([Person("alice", failed_attempts=6, locked_since="t")]) as connection:
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
    assert all("users_locked" in plan or "users_by_lock_time" in plan for plan in plans), plans


def test_a_user_s_events_are_found_by_index() -> None:
    """However long the trail, only the user's own events are looked at."""
    plans = [plan for plan in plans_of(QUESTIONS["a user's events"]) if "seq" in plan]
    assert plans
    assert all("events_by_user (user=?" in plan for plan in plans), plans
