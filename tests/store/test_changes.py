"""What events come to, without any database: which records are left, and what differs in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import StaleRecord
from pincli.models import EventKind, NewEvent, User, UserType
from pincli.rules.people import newcomer
from pincli.store.changes import differing, records_left, require_read

COLUMNS = ("a", "b", "c")

rows = st.lists(st.integers(0, 2), min_size=3, max_size=3)
pairs = st.lists(
    st.tuples(st.integers(1, 50), rows, rows), max_size=12, unique_by=lambda pair: pair[0]
)


def user(login: str, row: int = 1, misses: int = 0) -> User:
    """A record."""
    new = newcomer(login, "acme", "", UserType.CLOUD, at="2026-11-24T10:00:00Z")
    return new._replace(id=row, failed_attempts=misses)


def test_the_last_record_of_each_user_is_left() -> None:
    """In the order of their first events; what is about no user leaves nothing."""
    alice, bob = user("alice"), user("bob", 2)
    later = alice._replace(failed_attempts=6)
    events = [
        NewEvent(EventKind.ATTEMPT, alice),
        NewEvent(EventKind.REFUSED, name="nobody"),
        NewEvent(EventKind.ATTEMPT, bob),
        NewEvent(EventKind.LOCKED, later),
    ]
    assert list(records_left(events).items()) == [("alice", later), ("bob", bob)]
    assert records_left([]) == {}


@given(pairs)
def test_what_is_written_turns_each_record_into_the_next(
    changes: list[tuple[int, list[int], list[int]]],
) -> None:
    """No column that is equal is among it, no record comes twice, and each row is its own."""
    now = {number: dict(zip(COLUMNS, before, strict=True)) for number, before, _ in changes}
    written = list(differing(COLUMNS, changes))
    for names, values in written:
        for *new, number in values:
            assert all(now[number][name] != value for name, value in zip(names, new, strict=True))
            now[number] |= dict(zip(names, new, strict=True))
    assert [tuple(now[number].values()) for number, _, _ in changes] == [
        tuple(after) for _, _, after in changes
    ]
    numbers = [number for _, values in written for *_, number in values]
    assert len(numbers) == len(set(numbers))


@given(pairs)
def test_equal_changes_are_one_statement(
    changes: list[tuple[int, list[int], list[int]]],
) -> None:
    """So many statements as there are kinds of change, each with its rows in storage order."""
    written = list(differing(COLUMNS, changes))
    names = [columns for columns, _ in written]
    assert len(names) == len(set(names))
    for _, values in written:
        numbers = [number for *_, number in values]
        assert numbers == sorted(numbers)


def test_a_record_that_was_read_here_may_be_saved() -> None:
    """The record before is the one that was read, not the one that a step began with."""
    read = user("alice")
    assert require_read({"alice": read}, user("alice", misses=3)) is read


@pytest.mark.parametrize("read", [{}, {"bob": user("bob", 1)}, {"alice": user("alice", 2)}])
def test_any_other_record_is_stale(read: dict[str, User]) -> None:
    """Not read at all, or another row's: it says nothing of the present."""
    with pytest.raises(StaleRecord):
        require_read(read, user("alice"))
