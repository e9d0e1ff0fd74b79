"""Saving: what a step may write, and that nothing but what it changed is written."""

from __future__ import annotations

import pytest

from pincli.errors import Refused, Rule, StaleRecord
from pincli.models import EventKind, NewEvent, User, UserType
from pincli.rules.people import newcomer
from pincli.store.contract import Transaction
from tests.store.attempting import kinds_after, last_seq, with_counter
from tests.support.desk import Desk, connection_of


def renamed(user: User, name: str = "Another") -> NewEvent:
    """An event that changes a record."""
    return NewEvent(EventKind.USER_UPDATED, user._replace(display_name=name))


def test_a_record_of_before_is_refused(desk: Desk) -> None:
    """What was read before the transaction began says nothing of the present: a bug, told."""
    before = with_counter(desk, 3)
    seq = last_seq(desk)

    def late(transaction: Transaction) -> None:
        transaction.save([renamed(before)])

    with desk.session() as session, pytest.raises(StaleRecord) as error:
        session.store.write(late)
    assert error.value.user == "alice"
    assert (desk.user("alice"), last_seq(desk)) == (before, seq)


def test_a_record_of_another_transaction_is_refused(desk: Desk) -> None:
    """Even the one just before, in the same session."""
    alice = with_counter(desk, 3)
    kept: list[User] = []
    with desk.session() as session:
        session.store.write(lambda transaction: kept.extend(transaction.users([alice.id])))
        with pytest.raises(StaleRecord):
            session.store.write(lambda transaction: transaction.save([renamed(kept[0])]))


def test_one_stale_record_among_others_stops_them_all(desk: Desk) -> None:
    """Nothing of a step that raises is written, whatever it has saved by then."""
    alice, bob = with_counter(desk, 3, "alice"), with_counter(desk, 3, "bob")
    seq = last_seq(desk)

    def late(transaction: Transaction) -> None:
        (user,) = transaction.users([alice.id])
        transaction.save([renamed(user)])
        transaction.save([renamed(user, "Third"), renamed(bob)])

    with desk.session() as session, pytest.raises(StaleRecord):
        session.store.write(late)
    assert (desk.user("alice"), desk.user("bob"), last_seq(desk)) == (alice, bob, seq)


def updates_of(desk: Desk, events: list[NewEvent]) -> list[str]:
    """What of the users is written when these events are saved, their records read first."""
    asked: list[str] = []

    def save(transaction: Transaction) -> None:
        transaction.users([event.user.id for event in events if event.user])
        connection.set_trace_callback(asked.append)
        transaction.save(events)
        connection.set_trace_callback(None)

    with desk.session() as session:
        connection = connection_of(session)
        session.store.write(save)
    begin = "UPDATE users SET "
    return sorted(text.removeprefix(begin) for text in asked if text.startswith(begin))


def test_only_columns_that_differ_are_written(desk: Desk) -> None:
    """The indexes of the others stay as they are; who is as before is not written at all."""
    alice, bob, carol = (with_counter(desk, 3, name) for name in ("alice", "bob", "carol"))
    free = alice._replace(failed_attempts=0, last_attempt_by="amy")
    events = [
        NewEvent(EventKind.RESET, free),
        NewEvent(EventKind.PIN_SHOWN, bob),
        NewEvent(EventKind.DEACTIVATED, carol._replace(active=False)),
    ]
    assert updates_of(desk, events) == [
        f"active = 0 WHERE id = {carol.id}",
        f"failed_attempts = 0, last_attempt_by = 'amy' WHERE id = {alice.id}",
    ]
    assert [desk.user(name) for name in ("alice", "bob")] == [free, bob]


def test_the_last_event_s_record_is_written_and_each_event_tells_its_own(desk: Desk) -> None:
    """Two events about one user in one step: one update, and the counter after each."""
    alice = with_counter(desk, 3)
    seq = last_seq(desk)
    steps = [alice._replace(failed_attempts=misses) for misses in (5, 4)]
    assert len(updates_of(desk, [NewEvent(EventKind.RESET, each) for each in steps])) == 1
    assert kinds_after(desk, seq) == [("reset", None, 5), ("reset", None, 4)]
    assert desk.user("alice") == steps[-1]


def test_a_step_may_save_twice(desk: Desk) -> None:
    """The second time, what it saved the first time is what it has read."""
    alice = with_counter(desk, 3)

    def twice(transaction: Transaction) -> None:
        (user,) = transaction.users([alice.id])
        one = renamed(user)
        transaction.save([one])
        assert one.user is not None
        transaction.save([NewEvent(EventKind.RESET, one.user._replace(failed_attempts=0))])
        assert transaction.next_number() == last + 3

    last = last_seq(desk)
    with desk.session() as session:
        session.store.write(twice)
    assert desk.user("alice") == alice._replace(display_name="Another", failed_attempts=0)
    assert [event.seq for event in desk.events()][-2:] == [last + 1, last + 2]


def test_events_about_nobody_change_nobody(desk: Desk) -> None:
    """And none at all are no event."""
    before, seq = with_counter(desk, 3), last_seq(desk)
    assert updates_of(desk, [NewEvent(EventKind.REFUSED, name="nobody")]) == []
    assert updates_of(desk, []) == []
    assert (desk.user("alice"), last_seq(desk)) == (before, seq + 1)


def test_who_is_added_twice_is_refused(desk: Desk) -> None:
    """By the table, if no step asked before; and the other newcomer isn't there either."""
    before = with_counter(desk, 3)

    def add(transaction: Transaction) -> None:
        for login in ("zoe", "alice"):
            new = newcomer(login, "globex", "", UserType.CLOUD, at=transaction.at)
            transaction.save([NewEvent(EventKind.USER_ADDED, new)])

    with desk.session() as session:
        with pytest.raises(Refused) as refusal:
            session.store.write(add)
        assert session.store.people.find("zoe") is None
    assert (refusal.value.rule, refusal.value.subject) == (Rule.USER_EXISTS, "alice")
    assert desk.user("alice") == before
