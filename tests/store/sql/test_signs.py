"""Queries for signs of an attack: in order, page by page, by an index."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator

import pytest

from pincli.models import EventKind
from pincli.store.sql import signs
from pincli.store.sql.signs import SqlSigns
from tests.store.population import PastEvent, Person, populated, put, put_events, rows_of

NOON, ONE, TWO = (f"2026-11-24T{hour}:00:00Z" for hour in (12, 13, 14))
NEVER = "2027-01-01T00:00:00Z"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Make a store with two users and an empty trail."""
    with populated([Person("alice"), Person("bob", "globex")]) as connection:
        yield connection


def asking(connection: sqlite3.Connection) -> SqlSigns:
    """Return the signs of a connection."""
    return SqlSigns(rows_of(connection), with_old=False)


@pytest.mark.parametrize("page", [1, 2, 100])
def test_events_come_in_order_on_any_page_size(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Events of a kind and a window come in order, each with the next outcome of its user."""
    monkeypatch.setattr(signs, "_PAGE", page)
    kinds = ("incorrect", "attempt", "incorrect", "pin_shown", "verified", "incorrect")
    put_events(connection, [PastEvent(kind, at=ONE) for kind in kinds])
    put_events(connection, [PastEvent("incorrect", "bob", at) for at in (NOON, ONE, TWO)])
    found = asking(connection).noted(EventKind.INCORRECT, NOON, ONE)
    assert [(each.number, each.at, each.then) for each in found] == [
        (1, ONE, f"incorrect {ONE}"),
        (3, ONE, f"verified {ONE}"),
        (6, ONE, None),
        (7, NOON, f"incorrect {ONE}"),
        (8, ONE, f"incorrect {TWO}"),
    ]
    assert (found[0].agent, found[0].account) == ("amy", "acme")


def test_events_can_be_filtered_by_outcome(connection: sqlite3.Connection) -> None:
    """Refusals can be filtered by outcome; an unknown name comes with the typed text."""
    put_events(connection, [PastEvent("refused", outcome="locked"), PastEvent("unlocked")])
    put_events(connection, [PastEvent("refused", "nobdy", outcome="unknown_user")])
    (found,) = asking(connection).noted(EventKind.REFUSED, NOON, TWO, outcome="unknown_user")
    assert (found.word, found.uid) == ("nobdy", None)


def test_events_about_users_come_in_order(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events about users come in order, across gaps and empty stretches."""
    monkeypatch.setattr(signs, "_STRETCH", 2)
    put_events(
        connection,
        [PastEvent("verified"), *[PastEvent("refused", "nobdy")] * 7, PastEvent("attempt")],
    )
    put_events(connection, [PastEvent("attempt")], after=50)
    found = asking(connection).known_after
    assert [number for page in found(0) for number, *_ in page] == [1, 9, 10]
    assert [*found(9)] == [[(10, NOON, "amy")]]
    assert [*found(10)] == []


@pytest.mark.parametrize("number", [0, 7, 20, 5000])
def test_calls_are_counted_or_estimated(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Right answers of a time span are counted by account and agent, or estimated."""
    monkeypatch.setattr(signs, "_STRETCH", 10)
    people = [("alice", "acme", "amy"), ("bob", "globex", "ben")]
    put_events(connection, [PastEvent("verified", at=NOON)])
    put_events(
        connection,
        [
            PastEvent(
                "verified", people[each % 2][0], ONE, people[each % 2][2], people[each % 2][1]
            )
            for each in range(number)
        ],
    )
    put_events(connection, [PastEvent("incorrect", at=ONE), PastEvent("verified", at=TWO)])
    calls = asking(connection).calls(ONE, TWO)
    assert calls.total == pytest.approx(number, rel=0.01)
    assert calls.of_account.get("globex", 0) == pytest.approx(number // 2, rel=0.01)
    assert calls.with_agent.get("ben", 0) == pytest.approx(number // 2, rel=0.01)


def test_people_and_texts_are_found(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People are found by uid, texts by number, in any amount."""
    monkeypatch.setattr(signs, "_MANY", 1)
    put(connection, [Person("carol")])
    connection.execute("INSERT INTO texts VALUES (1, x'', 'why', 'T-1', NULL)")
    connection.execute("INSERT INTO texts VALUES (2, x'', NULL, 'T-1', NULL)")
    uids = [uid for (uid,) in connection.execute("SELECT uid FROM people ORDER BY id")]
    asked = asking(connection)
    assert [*asked.people(uids).values()] == [
        ("alice", "acme", 1), ("bob", "globex", 1), ("carol", "acme", 1)
    ]  # fmt: skip
    assert asked.tickets([1, 2, 3]) == ["T-1"]
    assert asked.reasons([1, 2]) == {1: "why"}
    assert (asked.people([]), asked.tickets([]), asked.reasons([])) == ({}, [], {})


QUESTIONS: dict[str, Callable[[SqlSigns], object]] = {
    "wrong": lambda asked: asked.noted(EventKind.INCORRECT, NOON, TWO),
    "names": lambda asked: asked.noted(EventKind.REFUSED, NOON, TWO, outcome="unknown_user"),
    "acknowledged": lambda asked: asked.noted(EventKind.ACKNOWLEDGED, NOON, TWO),
    "known": lambda asked: [*asked.known_after(3)],
    "calls": lambda asked: asked.calls(NOON, TWO),
    "people": lambda asked: asked.people([b"x"]),
    "tickets": lambda asked: asked.tickets([1]),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_query_reads_the_whole_trail(connection: sqlite3.Connection, name: str) -> None:
    """Each query uses an index or a range of numbers."""
    put_events(connection, [PastEvent("incorrect", at=ONE)] * 9)
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    QUESTIONS[name](asking(connection))
    connection.set_trace_callback(None)
    assert asked
    for statement in asked:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        looks = [detail for *_, detail in plan if re.match("SCAN|SEARCH", detail)]
        assert looks, statement
        for detail in looks:
            assert detail.startswith("SEARCH"), (statement, detail)


def test_one_users_events_take_linear_time(connection: sqlite3.Connection) -> None:
    """Ten times as many wrong answers of one user take about ten times as long."""
    looks = []
    for number in (200, 2000):
        connection.execute("DELETE FROM trail")
        put_events(connection, [PastEvent(kind) for _ in range(number) for kind in ("unlocked",
                                "attempt", "incorrect")])  # fmt: skip
        looks.append(0)

        def step() -> int:
            looks[-1] += 1
            return 0

        connection.set_progress_handler(step, 100)
        assert len(asking(connection).noted(EventKind.INCORRECT, NOON, NEVER)) == number
        connection.set_progress_handler(None, 0)
    assert looks[1] <= 12 * looks[0]
