"""Finding, listing and counting users: nobody is listed twice or left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pincli.errors import StoreTampered
from pincli.models import State, User, UserType
from pincli.results import EventFilter
from pincli.store.sql import people as module
from pincli.store.sql import trail
from pincli.store.sqlite.connection import connect
from tests.store.forging import behind_the_index
from tests.store.population import Person, listed, people_of, populated, put
from tests.support.desk import Desk
from tests.support.turns import EVERYTHING

ACCOUNTS = ("acme", "globex")


@st.composite
def persons(draw: st.DrawFn) -> Person:
    """Draw a user; an attempt in flight needs a PIN and a charge."""
    misses = draw(st.sampled_from([0, 1, 5, 6]))
    in_flight = misses > 0 and draw(st.booleans())
    return Person(
        user=draw(st.text(alphabet="abc019.@", min_size=1, max_size=4)),
        account=draw(st.sampled_from(ACCOUNTS)),
        kind=draw(st.sampled_from(UserType)),
        active=draw(st.booleans()),
        has_pin=in_flight or draw(st.booleans()),
        failed_attempts=misses,
        attempt_at="2026-01-01T00:00:00Z" if in_flight else None,
    )


people = st.lists(persons(), max_size=30, unique_by=lambda person: person.user)


def names(pages: list[list[User]]) -> list[str]:
    """Return the logins on the pages, in order."""
    return [user.login for page in pages for user in page]


@settings(max_examples=150 if EVERYTHING else 50)
@given(population=people)
def test_totals_agree_with_a_count_by_hand(population: list[Person]) -> None:
    """The totals of each account and of all users agree with the rules."""
    with populated(population) as connection:
        for account in (None, *ACCOUNTS, "nobody"):
            counted = Counter(p.state for p in population if account in (None, p.account))
            expected = {state: counted[state] for state in State}
            assert people_of(connection).totals(account=account) == expected


@settings(max_examples=150 if EVERYTHING else 50)
@given(population=people, page=st.integers(1, 8))
def test_lists_agree_with_a_filter_by_hand(population: list[Person], page: int) -> None:
    """Each list has exactly its users, each once, for any page size."""
    with populated(population) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", page)
        filters = product((None, *ACCOUNTS, "nobody"), (None, *State), (None, *UserType))
        for account, state, kind in filters:
            expected = sorted(
                person.user
                for person in population
                if account in (None, person.account)
                and state in (None, person.state)
                and kind in (None, person.kind)
            )
            pages = listed(connection, account=account, state=state, user_type=kind)
            found = names(pages)
            assert sorted(found) == expected
            assert all(len(each) <= page for each in pages)
            if account is not None or (state is None and kind is None):
                assert found == expected


def test_the_latest_locks_come_first() -> None:
    """The newest lock comes first, and a sixth attempt in flight is no lock."""
    population = [
        Person("first", failed_attempts=6, lock="2026-01-01T00:00:00Z"),
        Person("third", failed_attempts=6, lock="2026-01-03T00:00:00Z"),
        Person("second", failed_attempts=6, lock="2026-01-02T00:00:00Z"),
        Person("in-flight", failed_attempts=6, attempt_at="2026-01-04T00:00:00Z"),
        Person("fine", failed_attempts=5),
    ]
    with populated(population) as connection:
        assert names([people_of(connection).latest_locks(10)]) == ["third", "second", "first"]
        assert names([people_of(connection).latest_locks(2)]) == ["third", "second"]


def test_the_latest_locks_show_locked_users_only() -> None:
    """Inactive users and types without PINs are not in the state locked."""
    population = [
        Person("locked", failed_attempts=6),
        Person("gone", active=False, failed_attempts=6),
        Person("pipe", kind=UserType.DATAPIPE, failed_attempts=6),
    ]
    with populated(population) as connection:
        assert names([people_of(connection).latest_locks(10)]) == ["locked"]


@pytest.mark.parametrize("what", ["users", "users by state", "account", "events"])
def test_a_reader_between_two_pages_holds_up_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """No statement is open between two pages, so others can commit."""
    monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(trail, "PAGE", 2)
    with closing(connect(desk.database)) as connection:
        put(connection, [Person(f"u{number}") for number in range(7)])
    for number in range(7):
        desk.add(f"v{number}")
    with desk.session() as session:
        readers: dict[str, Iterator[Sequence[object]]] = {
            "users": session.store.people.pages(),
            "users by state": session.store.people.pages(state=State.ACTIVE),
            "account": session.store.people.pages(account="acme"),
            "events": session.store.trail.newest_first(EventFilter(), limit=100),
        }
        assert len(next(readers[what])) == 2
        with closing(connect(desk.database)) as writer:
            writer.execute("PRAGMA busy_timeout = 0").fetchall()
            writer.execute("UPDATE people SET display_name = 'changed'")


def test_a_forged_index_finds_nobody_else(desk: Desk) -> None:
    """A forged index finds no other user."""
    desk.add("alice")
    desk.add("mallory")
    swap_logins(desk, "alice", "mallory")
    with behind_the_index(desk, "people_by_login"):
        swap_logins(desk, "alice", "mallory")
    with desk.session() as session:
        assert session.store.people.find("alice") == []
        with pytest.raises(StoreTampered):
            session.store.write(lambda transaction: transaction.named(["alice"]))


def swap_logins(desk: Desk, one: str, two: str) -> None:
    """Swap the logins of two users."""
    for before, after in ((one, "between"), (two, one), ("between", two)):
        desk.sql("UPDATE people SET login = ? WHERE login = ?", after, before)


def test_an_account_exists_with_its_first_user(desk: Desk) -> None:
    """An account exists once it has a user; a prefix is no account."""
    desk.add("alice", "acme")
    with desk.session() as session:
        assert session.store.people.account_exists("acme")
        assert not session.store.people.account_exists("acm")
        assert not session.store.people.account_exists("globex")


@pytest.mark.parametrize("typed", ["alic", "alicee", "alixe", "laice", "ali"])
def test_similar_names_are_offered(desk: Desk, typed: str) -> None:
    """Names that are one slip away or have this beginning are offered."""
    desk.add("alice")
    desk.add("zoe")
    with desk.session() as session:
        assert session.store.people.near("login", typed) == ["alice"]
        assert session.store.people.near("account", "acne") == ["acme"]


def test_at_most_five_similar_names_are_offered(desk: Desk) -> None:
    """At most five names are offered."""
    for number in range(10):
        desk.add(f"alice{number}")
    with desk.session() as session:
        near = session.store.people.near("login", "alice")
    assert len(near) == len(set(near)) == 5
