"""Signs of an attack in the trail: at, below and above each bound, and at each window's edge."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.results import AccountAlert, AgentAlert, HourlyFailures, UserAlert
from pincli.store.sql.signs import SqlSigns
from pincli.store.sqlite.connection import OLDEST_SQLITE
from tests.store.population import Person, Told, populated, put, put_events, rows_of

UNTIL = "2026-11-24T12:00:00Z"
JUST_AFTER = "2026-11-24T12:00:01Z"
SINCE = "2026-11-23T12:00:00Z"
JUST_BEFORE = "2026-11-23T11:59:59Z"
NAMES = (
    "alice",
    "bob",
    "carol",
    *(f"{word}{n}" for word in ("user", "a", "b", "u") for n in range(7)),
)


class Trail:
    """Events put together by hand; no sign looks at their links."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.signs = SqlSigns(rows_of(connection), with_old=False)
        put(connection, [Person(name) for name in NAMES])
        put(connection, [Person("gus", "globex")])

    def add(
        self,
        kind: str,
        user: str = "alice",
        *,
        at: str = SINCE,
        agent: str = "amy",
        account: str | None = "acme",
        outcome: str | None = None,
    ) -> None:
        """One event at the end."""
        put_events(self.connection, [Told(kind, user, at, agent, account, outcome)])

    def miss(self, user: str, at: str = SINCE, agent: str = "amy", account: str = "acme") -> None:
        """A wrong answer."""
        self.add("incorrect", user, at=at, agent=agent, account=account)

    def unknown(self, name: str, at: str = SINCE, agent: str = "amy") -> None:
        """A user who does not exist was asked for."""
        self.add("refused", name, at=at, agent=agent, account=None, outcome="unknown_user")


@pytest.fixture
def trail() -> Iterator[Trail]:
    """An empty trail in memory, of people whom the tests name."""
    with populated() as connection:
        yield Trail(connection)


@pytest.mark.parametrize(("locks", "found"), [(1, False), (2, True), (3, True)])
def test_locked_again(trail: Trail, locks: int, found: bool) -> None:
    """Once is a forgotten PIN; twice is told, with how often and when."""
    for _ in range(locks):
        trail.add("locked")
    trail.add("locked", "bob")
    expected = [UserAlert("locked_again", "alice", "acme", locks, SINCE)] if found else []
    assert trail.signs.users_locked_again(SINCE, UNTIL) == expected


def test_locked_again_at_the_edge(trail: Trail) -> None:
    """A lock at the window's first second counts, one a second before does not."""
    trail.add("locked", at=JUST_BEFORE)
    trail.add("locked")
    assert trail.signs.users_locked_again(SINCE, UNTIL) == []
    assert trail.signs.users_locked_again(JUST_BEFORE, UNTIL)[0].times == 2


@pytest.mark.parametrize(("users", "found"), [(2, False), (3, True), (4, True)])
def test_accounts_failing(trail: Trail, users: int, found: bool) -> None:
    """Several users of one account; one user's many misses are none."""
    for number in range(users):
        trail.miss(f"user{number}")
        trail.miss(f"user{number}")
    for _ in range(6):
        trail.miss("gus", account="globex")
    expected = [AccountAlert("acme", users, 2 * users, SINCE)] if found else []
    assert trail.signs.accounts_failing(SINCE, UNTIL) == expected


def test_accounts_failing_at_the_edge(trail: Trail) -> None:
    """The third user's miss a second before the window is too old."""
    for user in ("alice", "bob"):
        trail.miss(user)
    trail.miss("carol", JUST_BEFORE)
    assert trail.signs.accounts_failing(SINCE, UNTIL) == []
    assert trail.signs.accounts_failing(JUST_BEFORE, UNTIL)[0].users_failed == 3


def test_users_of_several_accounts_are_not_added_up(trail: Trail) -> None:
    """Each account for itself; of two, the one with more users comes first."""
    for number in range(2):
        trail.miss(f"a{number}")
        trail.miss(f"b{number}", account="globex")
    assert trail.signs.accounts_failing(SINCE, UNTIL) == []
    for number in range(2, 5):
        trail.miss(f"b{number}", account="globex")
    trail.miss("a2")
    found = trail.signs.accounts_failing(SINCE, UNTIL)
    assert [alert.account for alert in found] == ["globex", "acme"]


@pytest.mark.parametrize(
    ("failed", "unknown", "found"),
    [(4, 0, False), (5, 0, True), (6, 0, True), (0, 2, False), (0, 3, True), (4, 2, False),
     (5, 2, True), (4, 3, True)],
)  # fmt: skip
def test_agents_failing(trail: Trail, failed: int, unknown: int, found: bool) -> None:
    """Many users failed with one agent, or several unknown ones were asked for."""
    for number in range(failed):
        trail.miss(f"user{number}")
        trail.miss(f"user{number}")
        trail.miss(f"user{number}", JUST_BEFORE, agent="ben")
    for number in range(unknown):
        trail.unknown(f"nobody{number}")
        trail.unknown(f"nobody{number}")
        trail.add("refused", f"other{number}", outcome="locked")
    expected = [AgentAlert("amy", failed, unknown)] if found else []
    assert trail.signs.agents_failing(SINCE, UNTIL) == expected


def test_agents_failing_at_the_edge(trail: Trail) -> None:
    """What lies a second before the window does not count, neither misses nor unknown users."""
    for number in range(5):
        trail.miss(f"user{number}", SINCE if number else JUST_BEFORE)
    for number in range(3):
        trail.unknown(f"n{number}", SINCE if number else JUST_BEFORE)
    assert trail.signs.agents_failing(SINCE, UNTIL) == []
    assert trail.signs.agents_failing(JUST_BEFORE, UNTIL) == [AgentAlert("amy", 5, 3)]


@pytest.mark.parametrize(("misses", "found"), [(2, False), (3, True), (5, True)])
def test_failing_after_an_unlock(trail: Trail, misses: int, found: bool) -> None:
    """Who had it unlocked does not know the PIN."""
    trail.miss("alice")
    trail.add("unlocked")
    for _ in range(misses):
        trail.miss("alice")
        trail.miss("bob")
    expected = [UserAlert("failing_after_unlock", "alice", "acme", misses, SINCE)] if found else []
    assert trail.signs.users_failing_after_unlock(SINCE, UNTIL) == expected


@pytest.mark.parametrize(("seconds", "found"), [(3599, True), (3600, True), (3601, False)])
def test_an_hour_after_an_unlock(trail: Trail, seconds: int, found: bool) -> None:
    """Counted to the second, across a change of the day too."""
    unlocked = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    last = (unlocked + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    trail.add("unlocked", at="2026-11-23T23:30:00Z")
    for moment in ("2026-11-23T23:30:00Z", "2026-11-23T23:59:59Z", last):
        trail.miss("alice", moment)
    assert bool(trail.signs.users_failing_after_unlock(SINCE, UNTIL)) is found


def test_an_unlock_before_the_window(trail: Trail) -> None:
    """Too old, whatever came after it."""
    trail.add("unlocked", at=JUST_BEFORE)
    for _ in range(4):
        trail.miss("alice")
    assert trail.signs.users_failing_after_unlock(SINCE, UNTIL) == []
    assert len(trail.signs.users_failing_after_unlock(JUST_BEFORE, UNTIL)) == 1


def test_two_unlocks_of_one_user_are_one_alert(trail: Trail) -> None:
    """The one with the most misses is told; the user with the most comes first."""
    for user, misses in (("alice", 3), ("bob", 5), ("alice", 4)):
        trail.add("unlocked", user)
        for _ in range(misses):
            trail.miss(user)
    found = trail.signs.users_failing_after_unlock(SINCE, UNTIL)
    assert [(alert.user, alert.times) for alert in found] == [("alice", 7), ("bob", 5)]


def test_failures_by_hour(trail: Trail) -> None:
    """Counted by account and by the hour of the clock."""
    for moment in ("2026-11-24T08:00:00Z", "2026-11-24T08:59:59Z", "2026-11-24T09:00:00Z"):
        trail.miss("alice", moment)
    trail.miss("gus", "2026-11-24T09:30:00Z", account="globex")
    trail.miss("alice", JUST_BEFORE)
    trail.add("verified", at="2026-11-24T10:00:00Z")
    assert set(trail.signs.failures_by_hour(SINCE, UNTIL)) == {
        HourlyFailures("acme", "2026-11-24T08", 2),
        HourlyFailures("acme", "2026-11-24T09", 1),
        HourlyFailures("globex", "2026-11-24T09", 1),
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["incorrect", "verified", "locked", "attempt"]),
            st.sampled_from([f"u{n}" for n in range(6)]),
            st.sampled_from(["acme", "globex"]),
            st.sampled_from(["amy", "ben"]),
            st.integers(-3, 3),
        ),
        max_size=40,
    )
)
def test_the_figures_are_those_counted_by_hand(
    events: list[tuple[str, str, str, str, int]],
) -> None:
    """Whatever lies in the trail, in whatever order of times."""
    with populated() as connection:
        trail = Trail(connection)
        edge = datetime.fromisoformat(SINCE)
        two_later = "2026-11-23T14:00:00Z"
        misses: list[tuple[str, str, str]] = []
        for kind, user, account, agent, hours in events:
            moment = (edge + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
            trail.add(kind, user, at=moment, agent=agent, account=account)
            if kind == "incorrect" and 0 <= hours <= 2:
                misses.append((user, account, agent))
        accounts = {
            account: len({user for user, its, _ in misses if its == account})
            for account in ("acme", "globex")
        }
        agents = {
            agent: len({user for user, _, its in misses if its == agent})
            for agent in ("amy", "ben")
        }
        found = trail.signs.accounts_failing(SINCE, two_later)
        assert {a.account: a.users_failed for a in found} == {
            account: users for account, users in accounts.items() if users >= 3
        }
        assert {a.agent: a.users_failed for a in trail.signs.agents_failing(SINCE, two_later)} == {
            agent: users for agent, users in agents.items() if users >= 5
        }


def test_what_is_dated_in_the_future_counts_in_no_window(trail: Trail) -> None:
    """A clock that had jumped ahead must not raise alarms for years: windows end at now."""
    for _ in range(6):
        trail.add("unlocked", at=JUST_AFTER)
        trail.add("locked", at=JUST_AFTER)
    for number in range(6):
        trail.miss(f"user{number}", JUST_AFTER)
        trail.miss("alice", JUST_AFTER)
        trail.unknown(f"nobody{number}", JUST_AFTER)
    for question in QUESTIONS.values():
        assert question(trail.signs, SINCE, UNTIL) == []
        assert question(trail.signs, SINCE, JUST_AFTER) != []


def test_a_lock_by_hand_is_no_lock_by_wrong_answers(trail: Trail) -> None:
    """An agent who smells a rat locks; that makes nobody locked twice."""
    trail.add("locked")
    trail.add("locked_by_hand")
    assert trail.signs.users_locked_again(SINCE, UNTIL) == []


def test_however_much_one_user_did_it_is_linear(trail: Trail) -> None:
    """A thousand unlocks and wrong answers of one user are looked at once."""
    events = [Told(kind, at=SINCE) for _ in range(1000) for kind in ("unlocked", "incorrect")]
    looks = []
    for part in (events[:200], events):
        trail.connection.execute("DELETE FROM trail")
        put_events(trail.connection, part)
        looks.append(0)

        def step() -> int:
            looks[-1] += 1
            return 0

        trail.connection.set_progress_handler(step, 100)
        (found,) = trail.signs.users_failing_after_unlock(SINCE, UNTIL)
        trail.connection.set_progress_handler(None, 0)
        assert found.times == len(part) // 2
    assert looks[1] <= 12 * looks[0]


Question = Callable[[SqlSigns, str, str], object]
QUESTIONS: dict[str, Question] = {
    "locked again": SqlSigns.users_locked_again,
    "after an unlock": SqlSigns.users_failing_after_unlock,
    "accounts": SqlSigns.accounts_failing,
    "agents": SqlSigns.agents_failing,
    "by hour": SqlSigns.failures_by_hour,
}


def statements_of(trail: Trail, question: Question) -> list[str]:
    """What a question asks SQLite."""
    asked: list[str] = []
    trail.connection.set_trace_callback(asked.append)
    question(trail.signs, SINCE, UNTIL)
    trail.connection.set_trace_callback(None)
    assert asked
    return asked


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_reads_the_whole_trail(trail: Trail, name: str) -> None:
    """Every look at events goes by an index: by kind and time; at users, by uid."""
    for statement in statements_of(trail, QUESTIONS[name]):
        plan = trail.connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        looks = [detail for *_, detail in plan if re.match("SCAN|SEARCH", detail)]
        assert looks
        for detail in looks:
            assert re.match(
                r"SEARCH \w+ USING (INDEX trail_of_note \(kind=\? AND at>\? AND at<\?\)|INDEX \w+ "
                r"\(uid=\?\)|INTEGER PRIMARY KEY )|SCAN s$",
                detail,
            ), detail


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_function_is_one_that_the_oldest_sqlite_has(trail: Trail, name: str) -> None:
    """unixepoch() came with 3.38, and 3.37 is promised."""
    assert OLDEST_SQLITE == (3, 37, 0)
    for statement in statements_of(trail, QUESTIONS[name]):
        assert "unixepoch" not in statement
