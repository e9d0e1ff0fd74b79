"""What events change, without a database: the new records, and the columns that differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import StaleRecord
from pincli.models import EventKind, Head, NewEvent, Origin, User, UserType
from pincli.rules.canonical import link_of, record_digest, texts_digest
from pincli.store.changes import Changes, changes_of, differing

COLUMNS = ("a", "b", "c")

rows = st.lists(st.integers(0, 2), min_size=3, max_size=3)
pairs = st.lists(
    st.tuples(st.integers(1, 50), rows, rows), max_size=12, unique_by=lambda pair: pair[0]
)


HEAD = Head(7, bytes(32))
BY = Origin("amy", "test")
AT = "2026-11-24T10:00:00Z"


def user(login: str, row: int = 1, misses: int = 0, event: int = 3) -> User:
    """A record in a store, last changed by an event."""
    new = User(
        0,
        login.ljust(16).encode(),
        b"blind",
        account="acme",
        login=login,
        display_name="",
        email=None,
        type=UserType.CLOUD,
        active=True,
        added_at=AT,
    )
    return new._replace(id=row, failed_attempts=misses, event=event)


def come_to(events: list[NewEvent], *read: User, next_row: int = 90) -> Changes:
    """The changes of some events, in a transaction that has read some records."""
    by_uid = {each.uid: each for each in read}
    return changes_of(events, by_uid, HEAD, next_row=next_row, at=AT, origin=BY)


def test_the_last_record_of_each_user_is_left() -> None:
    """The record has the number of its last event; an event about no user leaves none."""
    alice, bob = user("alice"), user("bob", 2)
    charged, later = (alice._replace(failed_attempts=misses) for misses in (5, 6))
    failed = bob._replace(failed_attempts=1)
    events = [
        NewEvent(EventKind.ATTEMPT, charged),
        NewEvent(EventKind.REFUSED, name="nobody"),
        NewEvent(EventKind.ATTEMPT, failed),
        NewEvent(EventKind.LOCKED, later),
    ]
    changes = come_to(events, alice, bob)
    assert changes.records == [later._replace(event=11), failed._replace(event=10)]
    assert changes.locks == [11]
    assert [event.number for event in changes.events] == [8, 9, 10, 11]
    assert come_to([]) == Changes([], [], [], {}, set(), [])


def test_each_event_has_the_digest_of_its_own_record() -> None:
    """The digest covers the new record with its number; without a change there is none."""
    alice = user("alice")
    charged, later = (alice._replace(failed_attempts=misses) for misses in (5, 6))
    kinds = (EventKind.ATTEMPT, EventKind.LOCKED, EventKind.PIN_SHOWN)
    events = [
        NewEvent(kind, record) for kind, record in zip(kinds, (charged, later, later), strict=True)
    ]
    changes = come_to(events, alice)
    digests = [record_digest(charged._replace(event=8)), record_digest(later._replace(event=9))]
    assert [event.record for event in changes.events] == [*digests, None]
    assert changes.digests == {alice.uid: digests[-1]}
    assert [event.counter for event in changes.events] == [5, 6, 6]


def test_the_events_are_linked_one_to_the_next() -> None:
    """Each link covers the one before and everything in the event but link and seal."""
    alice = user("alice")
    events = [
        NewEvent(EventKind.REFUSED, alice, outcome="locked", ticket="T-1", attempt=4, note="n"),
        NewEvent(EventKind.REFUSED, name="nobody", reason="why"),
    ]
    link = HEAD.link
    for event in come_to(events, alice).events:
        link = link_of(link, event._replace(link=b"", seal=None))
        assert (event.link, event.seal, event.at) == (link, None, AT)


def test_texts_stand_beside_their_event_behind_a_blind() -> None:
    """Only events with texts have a blind, and equal texts have different digests."""
    events = [
        NewEvent(EventKind.REFUSED, name="nobody"),
        NewEvent(EventKind.REFUSED, outcome="role"),
        NewEvent(EventKind.REFUSED, name="nobody"),
    ]
    changes = come_to(events)
    assert [(texts.number, texts.name) for texts in changes.texts] == [
        (8, "nobody"),
        (10, "nobody"),
    ]
    first, second = (texts_digest(texts) for texts in changes.texts)
    assert [event.texts for event in changes.events] == [first, None, second]
    assert first != second


def test_an_outcome_names_its_attempts_agent_and_who_ended_it() -> None:
    """`ended_by` is empty if the attempt's own agent ended it."""
    alice = user("alice")
    for origin, ended_by in ((Origin("mia", "verify"), "amy"), (Origin("amy", "verify"), None)):
        event = NewEvent(EventKind.VERIFIED, alice, attempt=5, origin=origin)
        (row,) = come_to([event], alice).events
        assert (row.agent, row.command, row.ended_by) == (origin.agent, "verify", ended_by)


def test_newcomers_get_the_next_rows() -> None:
    """New users get rows in the order of their events, and the same step may change them again."""
    one, two = (user(name, row=0, event=0) for name in ("one", "two"))
    locked = one._replace(failed_attempts=6, id=90, event=8)
    changes = come_to(
        [
            NewEvent(EventKind.USER_ADDED, one),
            NewEvent(EventKind.USER_ADDED, two),
            NewEvent(EventKind.LOCKED_BY_HAND, locked),
        ]
    )
    assert [(each.id, each.event) for each in changes.records] == [(90, 10), (91, 9)]
    assert changes.added == {one.uid, two.uid}


@given(pairs)
def test_what_is_written_turns_each_record_into_the_next(
    changes: list[tuple[int, list[int], list[int]]],
) -> None:
    """Only columns that differ are written, each record once, in its own row."""
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
    """There is one statement per kind of change, with its rows in storage order."""
    written = list(differing(COLUMNS, changes))
    names = [columns for columns, _ in written]
    assert len(names) == len(set(names))
    for _, values in written:
        numbers = [number for *_, number in values]
        assert numbers == sorted(numbers)


def test_a_record_that_was_read_here_may_be_saved() -> None:
    """It is compared with the record that the transaction read."""
    later = user("alice", misses=3)
    changes = come_to([NewEvent(EventKind.ATTEMPT, later)], user("alice"))
    assert changes.records == [later._replace(event=8)]


@pytest.mark.parametrize(
    "read", [[], [user("bob", 1)], [user("alice", 2)], [user("alice", event=4)]]
)
def test_any_other_record_is_stale(read: list[User]) -> None:
    """A record that was not read, of another row, or from before another event is refused."""
    with pytest.raises(StaleRecord):
        come_to([NewEvent(EventKind.ATTEMPT, user("alice", misses=3))], *read)
