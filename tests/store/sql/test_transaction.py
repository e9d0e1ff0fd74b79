"""Saving: stale and tampered records are refused, and only changes are written."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pincli.errors import StaleRecord, StoreRolledBack, StoreTampered, StoreUnavailable
from pincli.models import EventKind, NewEvent, User, UserType
from pincli.operations.keys import KeyKind, rotate
from pincli.operations.trail_check import check_trail
from pincli.store.contract import Transaction
from pincli.store.steps import people
from pincli.store.steps import pins as steps
from tests.store.attempting import (
    kinds_after,
    last_number,
    left_open,
    rewrite,
    with_counter,
    without_event,
)
from tests.support.desk import Desk, connection_of, new_desk

# These columns can't be edited alone.
UNEDITED = ("id", "uid", "locked_since")


def renamed(user: User, name: str = "Another") -> NewEvent:
    """Return an event that renames a user."""
    return NewEvent(EventKind.USER_UPDATED, user._replace(display_name=name))


def test_a_record_read_before_the_transaction_is_refused(desk: Desk) -> None:
    """A record that was read before the transaction is stale."""
    before = with_counter(desk, 3)
    number = last_number(desk)

    def late(transaction: Transaction) -> None:
        transaction.save([renamed(before)])

    with desk.session() as session, pytest.raises(StaleRecord) as error:
        session.store.write(late)
    assert error.value.args[0] == "alice"
    assert (desk.user("alice"), last_number(desk)) == (before, number)


def test_a_record_of_another_transaction_is_refused(desk: Desk) -> None:
    """A record of an earlier transaction is stale, even in the same session."""
    alice = with_counter(desk, 3)
    kept: list[User] = []
    with desk.session() as session:
        session.store.write(lambda transaction: kept.extend(transaction.users([alice.id])))
        with pytest.raises(StaleRecord):
            session.store.write(lambda transaction: transaction.save([renamed(kept[0])]))


def test_one_stale_record_undoes_the_step(desk: Desk) -> None:
    """One stale record undoes the whole step."""
    alice, bob = with_counter(desk, 3, "alice"), with_counter(desk, 3, "bob")
    number = last_number(desk)

    def late(transaction: Transaction) -> None:
        (user,) = transaction.users([alice.id])
        transaction.save([renamed(user)])
        transaction.save([renamed(user, "Third"), renamed(bob)])

    with desk.session() as session, pytest.raises(StaleRecord):
        session.store.write(late)
    assert (desk.user("alice"), desk.user("bob"), last_number(desk)) == (alice, bob, number)


def updates_of(desk: Desk, events: list[NewEvent]) -> list[str]:
    """Return the UPDATEs of records, without event numbers and seals."""
    asked: list[str] = []

    def save(transaction: Transaction) -> None:
        transaction.users([event.user.id for event in events if event.user])
        connection.set_trace_callback(asked.append)
        transaction.save(events)
        connection.set_trace_callback(None)

    with desk.session() as session:
        connection = connection_of(session)
        session.store.write(save)
    begin = "UPDATE people SET "
    return sorted(
        re.sub(r", event = \d+, seal = x'\w{64}'", "", text.removeprefix(begin))
        for text in asked
        if text.startswith(begin)
    )


def test_only_columns_that_differ_are_written(desk: Desk) -> None:
    """Only changed columns are written, and unchanged users not at all."""
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
    assert without_event(desk.user("alice")) == without_event(free)
    assert desk.user("bob") == bob


def test_several_events_about_a_user_are_one_update(desk: Desk) -> None:
    """Two events about one user are one update, and each has its own counter."""
    alice = with_counter(desk, 3)
    number = last_number(desk)
    steps = [alice._replace(failed_attempts=misses) for misses in (5, 4)]
    assert len(updates_of(desk, [NewEvent(EventKind.RESET, each) for each in steps])) == 1
    assert kinds_after(desk, number) == [("reset", None, 5), ("reset", None, 4)]
    assert without_event(desk.user("alice")) == without_event(steps[-1])


def test_a_step_may_save_twice_if_it_reads_again(desk: Desk) -> None:
    """A step reads what it has saved; its older record is stale."""
    alice = with_counter(desk, 3)
    last = last_number(desk)

    def twice(transaction: Transaction, *, again: bool) -> None:
        (user,) = transaction.users([alice.id])
        transaction.save([renamed(user)])
        if again:
            (user,) = transaction.users([alice.id])
        transaction.save([NewEvent(EventKind.RESET, user._replace(failed_attempts=0))])
        assert transaction.head.number == last + 2

    with desk.session() as session:
        with pytest.raises(StaleRecord):
            session.store.write(twice, again=False)
        session.store.write(twice, again=True)
    after = without_event(alice)._replace(display_name="Another", failed_attempts=0)
    assert without_event(desk.user("alice")) == after
    assert [event.seq for event in desk.events()][-2:] == [last + 1, last + 2]


def test_events_without_a_user_change_no_record(desk: Desk) -> None:
    """Events without a user change no record, and no events write nothing."""
    before, number = with_counter(desk, 3), last_number(desk)
    assert updates_of(desk, [NewEvent(EventKind.REFUSED, name="nobody")]) == []
    assert updates_of(desk, []) == []
    assert (desk.user("alice"), last_number(desk)) == (before, number + 1)


def new_user(login: str, account: str) -> User:
    """Return a new user."""
    return User(
        0,
        os.urandom(16),
        os.urandom(16),
        account=account,
        login=login,
        display_name="",
        email=None,
        type=UserType.CLOUD,
        active=True,
        added_at="2026-11-24T10:00:00Z",
    )


def test_a_user_added_twice_is_refused(desk: Desk) -> None:
    """The table refuses a second user of a login, and the step is undone."""
    before = with_counter(desk, 3)

    def add(transaction: Transaction) -> None:
        for login in ("zoe", "alice"):
            transaction.save([NewEvent(EventKind.USER_ADDED, new_user(login, "acme"))])

    with desk.session() as session:
        with pytest.raises(StoreUnavailable, match="damaged"):
            session.store.write(add)
        assert session.store.people.find("zoe") == []
    assert desk.user("alice") == before


def test_new_users_get_the_next_rows(desk: Desk) -> None:
    """A new user gets the next row, or keeps the row that a restore gives."""
    first = desk.add("first").id

    def add(transaction: Transaction) -> None:
        kept = new_user("kept", "acme")._replace(id=first + 40)
        events = [new_user("one", "acme"), new_user("two", "acme"), kept]
        transaction.save([NewEvent(EventKind.USER_ADDED, user) for user in events])
        transaction.save([NewEvent(EventKind.USER_ADDED, new_user("last", "acme"))])

    with desk.session() as session:
        session.store.write(add)
    rows = [desk.user(name).id - first for name in ("one", "two", "kept", "last")]
    assert rows == [1, 2, 40, 41]


# Tampered records are refused.


def refused(desk: Desk, name: str = "alice") -> str:
    """Require a record to be refused. Return the error's detail."""
    number, row = last_number(desk), desk.user(name).id
    with desk.session() as session:
        with pytest.raises(StoreTampered) as error:
            session.store.write(lambda transaction: transaction.users([row]))
        found: list[str] = []
        assert session.store.write(lambda t: t.users([row], found)) == []
    assert found == [desk.user(name).login]
    assert last_number(desk) == number
    return error.value.detail


def test_an_edited_column_is_found_before_anything_is_written(desk: Desk) -> None:
    """An edit of any column is found when the record is read."""
    left_open(desk, with_counter(desk, 3))
    event = desk.user("alice").event - 1
    edits = {"type": "federated", "pin_set_by": "generated", "active": 0, "event": event}
    values: dict[str, object] = {"INTEGER": 2, "TEXT": "2026-11-24T10:00:00Z", "BLOB": b"x" * 16}
    kinds = dict(desk.sql("SELECT name, type FROM pragma_table_info('people')"))
    for column in (name for name in User._fields if name not in UNEDITED):
        ((before,),) = desk.sql(f"SELECT {column} FROM people")  # noqa: S608
        put = f"UPDATE people SET {column} = ?"  # noqa: S608
        desk.sql(put, edits.get(column, values[kinds[column]]))
        name = "2026-11-24T10:00:00Z" if column == "login" else "alice"
        assert refused(desk, name) == f"the record of {name} was changed behind the trail", column
        desk.sql(put, before)


def test_an_old_row_put_back_is_found(desk: Desk) -> None:
    """An old row has a right seal, but is not of the newest event."""
    with_counter(desk, 3)
    (row,) = desk.sql("SELECT * FROM people")
    rewrite(desk, "alice", failed_attempts=5)
    put_back(desk, row)
    assert desk.user("alice").failed_attempts == 3
    assert "changed behind the trail" in refused(desk)


def put_back(desk: Desk, row: tuple[object, ...]) -> None:
    """Write a whole row over the present one."""
    marks = ", ".join("?" * len(row))
    desk.sql(f"INSERT OR REPLACE INTO people VALUES ({marks})", *row)  # noqa: S608


def test_a_seal_of_another_record_or_store_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Seals of other records and stores, zeros and empty seals are refused."""
    with_counter(desk, 3, "alice")
    with_counter(desk, 3, "bob")
    other = new_desk(tmp_path / "other")
    with_counter(other, 3, "alice")
    seals: list[object] = [seal for (seal,) in desk.sql("SELECT seal FROM people")][1:]
    seals += [seal for (seal,) in other.sql("SELECT seal FROM people")]
    for seal in (*seals, bytes(32), b""):
        desk.sql("UPDATE people SET seal = ? WHERE login = 'alice'", seal)
        refused(desk)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trail SET seal = NULL WHERE number = (SELECT max(number) FROM trail)",
        "UPDATE trail SET seal = zeroblob(32) WHERE number = (SELECT max(number) FROM trail)",
        "UPDATE trail SET link = zeroblob(32) WHERE number = (SELECT max(number) FROM trail)",
        "UPDATE trail SET seal = (SELECT seal FROM trail ORDER BY number LIMIT 1) "
        "WHERE number = (SELECT max(number) FROM trail)",
        "UPDATE trail SET number = 99 WHERE number = (SELECT max(number) FROM trail)",
        "DELETE FROM trail",
        "INSERT INTO trail (number, at, agent, command, kind, link) "
        "VALUES (99, 't', 'amy', 'verify', 'attempt', zeroblob(32))",
        "UPDATE store SET store_id = hex(zeroblob(16))",
        "DELETE FROM store",
    ],
)
def test_a_wrong_end_of_the_trail_stops_writes(desk: Desk, statement: str) -> None:
    """A missing or wrong seal on the newest event makes every write fail."""
    with_counter(desk, 3)
    with desk.session() as session:
        session.store.write(people.record, NewEvent(EventKind.REFUSED, outcome="role"))
        desk.sql(statement)
        rows = desk.sql("SELECT * FROM trail")
        with pytest.raises((StoreTampered, StoreRolledBack)):
            session.store.write(people.record, NewEvent(EventKind.REFUSED, outcome="role"))
    assert desk.sql("SELECT * FROM trail") == rows


@pytest.mark.parametrize("kind", ["audit", "verify", "portal"])
def test_records_and_trail_are_sound_after_a_rotation(desk: Desk, kind: str) -> None:
    """Seals under a rotated key stay valid until their record is written."""
    with_counter(desk, 3, "alice")
    with_counter(desk, 3, "bob")
    with desk.session() as old:
        old.store.write(lambda transaction: transaction.users([1, 2]))
        with desk.session() as session:
            rotate(session, KeyKind(kind))
            session.store.write(steps.withdraw, [1], unlock=False, reason=None)
        old.store.write(lambda transaction: transaction.users([1, 2]))
        old.store.write(steps.withdraw, [2], unlock=False, reason=None)
    with desk.session() as session:
        session.store.write(lambda transaction: transaction.users([1, 2]))
        assert check_trail(session, None).seq is None


def test_a_seal_under_a_removed_key_is_refused(desk: Desk) -> None:
    """Seals under a key that was removed from the folder are refused."""
    with_counter(desk, 3)
    with desk.session() as session:
        rotate(session, KeyKind.AUDIT)
        desk.add("bob")
    (gone,) = desk.keys.glob("audit-*.key")
    gone.unlink()
    refused(desk)
