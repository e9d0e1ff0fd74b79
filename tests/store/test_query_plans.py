"""Query plans: what is asked while somebody waits is answered by an index, at any size."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

import pytest

from pincli.models import State, UserType
from pincli.store import listing, people, trail
from pincli.store.sql.rows import find_user, find_users, user_in_row, users_in_rows
from pincli.models import EventFilter
from tests.store.population import Person, listed, populated

Question = Callable[[sqlite3.Connection], object]

QUESTIONS: dict[str, Question] = {
    "one user": lambda c: find_user(c, "alice"),
    "some users": lambda c: find_users(c, ["alice", "bob"]),
    "one row": lambda c: user_in_row(c, 1),
    "some rows": lambda c: users_in_rows(c, [1, 2]),
    "near users": lambda c: people.near_users(c, "alicia"),
    "near accounts": lambda c: people.near_accounts(c, "acne"),
    "an account's existence": lambda c: people.account_exists(c, "acme"),
    "everybody": listed,
    "an account": lambda c: listed(c, account="acme"),
    "an account's locked": lambda c: listed(c, account="acme", state=State.LOCKED),
    "an account's users of a type": lambda c: listed(c, account="acme", user_type=UserType.CLOUD),
    "users of a type": lambda c: listed(c, user_type=UserType.CLOUD),
    **{f"every {state}": partial(listed, state=state) for state in State},
    "the latest locks": lambda c: listing.latest_locks(c, 10),
    "the totals": lambda c: listing.totals(c, account=None),
    "an account's totals": lambda c: listing.totals(c, account="acme"),
    "the latest events": lambda c: list(trail.newest_first(c, EventFilter(), 10)),
    "a user's events": lambda c: list(trail.newest_first(c, EventFilter(user="alice"), 10)),
    "an agent's events": lambda c: list(trail.newest_first(c, EventFilter(agent="root"), 10)),
    "the head of the trail": trail.head,
    "the next events": lambda c: trail.after(c, 7, EventFilter()),
    "the next rows": lambda c: trail.raw_after(c, 7),
    "a page of records with their last events": lambda c: trail.mismatches_after(c, 0),
}
WALKS = {"SCAN events"}
"""By number from the end, and only as far as a page goes."""
WITHOUT_SORTING = QUESTIONS.keys() - {
    "near users",
    "near accounts",
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
