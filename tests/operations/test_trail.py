"""Checking the trail: it finds every change by an attacker without audit.key."""

from __future__ import annotations

import gc
import sqlite3
import tracemalloc
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import KeysUnavailable, PincliError, UsageProblem
from pincli.models import EventKind, Fault, Head, NewEvent, TrailEvent, UserType
from pincli.operations import keys, locks, people, pins
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail, parse_head
from pincli.operations.verify import verify
from pincli.results import TrailReport
from pincli.rules.canonical import link_of
from pincli.store.contract import Transaction
from pincli.store.sql.trail import PAGE
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.steps.people import add_user
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import AUDIT_KEY
from tests.support.desk import Desk, new_desk
from tests.support.driving import RIGHT, WRONG
from tests.support.floor import copy_of
from tests.support.turns import todays

COLUMNS = TrailEvent._fields[1:]
NUMBERS = frozenset({"attempt", "counter", "pin_version"})
BYTES = frozenset({"uid", "texts", "record", "link", "seal"})
ALL = ", ".join(TrailEvent._fields)
CHANGED = "the event was changed or put here"
WRONG_SEAL = "the event has a wrong seal"
BOB_CHANGED = "the record of bob was changed behind the trail"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A trail of a busy day, across two rotations of the audit key."""
    desk = new_desk(tmp_path_factory.mktemp("busy"))
    for user in ("alice", "bob"):
        desk.collected(user, pin=RIGHT)
    _rotate(desk, KeyKind.AUDIT)
    with desk.session() as session:
        verify(session, "alice", RIGHT, "T-1")
        for _ in range(6):
            verify(session, "bob", WRONG, None)
        locks.unlock(session, "bob", "rang")
        with suppress(PincliError):
            verify(session, "nobody", RIGHT, None)
    _rotate(desk, KeyKind.VERIFY)
    _rotate(desk, KeyKind.AUDIT)
    with desk.session() as session:
        verify(session, "bob", WRONG, None)
        people.set_active(session, "alice", active=False, reason="left")
        pins.show(session, "bob")
    return desk


@pytest.fixture
def busy(template: Desk, tmp_path: Path) -> Desk:
    """A copy of it for one test."""
    return copy_of(template, tmp_path)


def edit(desk: Desk, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run SQL behind pincli's back, without waiting for the disk."""
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        return connection.execute(statement, parameters).fetchall()


def put_back(desk: Desk, row: Sequence[object]) -> None:
    marks = ", ".join("?" * len(row))
    edit(desk, f"INSERT INTO trail VALUES ({marks})", *row)  # noqa: S608


def checked(desk: Desk, expected: Head | None = None) -> TrailReport:
    with desk.session(Need.CHECK) as session:
        return check_trail(session, expected)


def head_of(desk: Desk) -> Head:
    return Head(*edit(desk, "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1")[0])


def without_mark(desk: Desk) -> None:
    for path in desk.keys.glob("mark-*"):
        path.unlink()


def altered(column: str, value: Any) -> object:
    """Another value of the same kind."""
    if column in NUMBERS:
        return (value or 0) + 1
    return (value or b"") + b"x" if column in BYTES else f"{value or ''}x"


def numbers(desk: Desk) -> list[int]:
    return [seq for (seq,) in edit(desk, "SELECT number FROM trail ORDER BY number")]


def _rotate(desk: Desk, kind: KeyKind) -> None:
    with desk.session() as session:
        keys.rotate(session, kind)


def test_an_unchanged_trail_has_no_finding(busy: Desk) -> None:
    """Across rotations; the head is the last event, and the check is recorded."""
    head = head_of(busy)
    assert checked(busy) == TrailReport(head.number, head, None, None)
    assert head.number == numbers(busy)[-2]
    assert busy.events()[-1].kind is EventKind.AUDITED


def test_every_column_of_every_event_is_checked(busy: Desk) -> None:
    """The finding has the number of the edited event."""
    with busy.session(Need.CHECK) as session:
        for number, column in todays([*product(numbers(busy), COLUMNS)]):
            ((before,),) = edit(busy, f"SELECT {column} FROM trail WHERE number = ?", number)  # noqa: S608
            change = f"UPDATE trail SET {column} = ? WHERE number = ?"  # noqa: S608
            edit(busy, change, altered(column, before), number)
            report = check_trail(session, None)
            finding = WRONG_SEAL if column == "seal" else CHANGED
            assert (report.seq, report.finding) == (number, finding)
            assert report.events == number - 1
            edit(busy, change, before, number)
        assert check_trail(session, None).finding is None


def test_a_deleted_event_is_found(busy: Desk) -> None:
    """The finding has its number."""
    for number in numbers(busy)[:-1]:
        copied = edit(busy, f"SELECT {ALL} FROM trail WHERE number = ?", number)[0]  # noqa: S608
        edit(busy, "DELETE FROM trail WHERE number = ?", number)
        assert checked(busy)[2:4] == (number, "the event is missing")
        put_back(busy, copied)
    assert checked(busy).finding is None


def test_a_cut_tail_is_found_by_a_mark(busy: Desk) -> None:
    """The shorter trail is whole by itself."""
    head = head_of(busy)
    edit(busy, "DELETE FROM trail WHERE number = ?", head.number)  # a look: no record changed
    assert checked(busy).finding == (
        f"its trail ends at {head.number - 1}, this host has seen {head.number}"
    )


def test_a_cut_tail_with_new_events_is_found(busy: Desk) -> None:
    """The head is another one, though there are more events."""
    head = head_of(busy)
    edit(busy, "DELETE FROM trail WHERE number = ?", head.number)
    without_mark(busy)
    for _ in range(3):
        with busy.session() as session:
            pins.show(session, "bob")
    assert checked(busy).finding is None
    assert checked(busy, head)[2:4] == (head.number, "the head is a different one")


def test_a_cut_tail_is_found_by_a_record(busy: Desk) -> None:
    """A user's last event is gone."""
    with busy.session() as session:
        verify(session, "bob", WRONG, None)
    edit(busy, "DELETE FROM trail WHERE number > ?", head_of(busy).number - 2)
    without_mark(busy)
    assert checked(busy).finding == BOB_CHANGED


def test_an_empty_trail_is_a_finding(desk: Desk) -> None:
    """`init` wrote an event."""
    edit(desk, "DELETE FROM trail")
    assert checked(desk)[2:4] == (1, "the event is missing")


def test_another_stores_trail_does_not_fit(busy: Desk) -> None:
    """The first link includes the store's id."""
    edit(busy, "UPDATE store SET store_id = ?", "ab" * 16)
    assert checked(busy)[2:4] == (1, "the trail does not begin there")


def test_records_beyond_the_first_page_are_compared(busy: Desk) -> None:
    """The last of many users too."""

    def fill(transaction: Transaction) -> None:
        for number in range(PAGE + 1):
            add_user(transaction, f"user{number}", "acme", "", UserType.CLOUD)

    with busy.session() as session:
        session.store.write(fill)
    assert checked(busy).finding is None
    edit(busy, "UPDATE people SET failed_attempts = 1 WHERE login = ?", f"user{PAGE}")
    assert f"user{PAGE}" in (checked(busy).finding or "")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_rotation_event_cannot_name_another_key(busy: Desk, which: int) -> None:
    """It is checked before it is believed."""
    rows = edit(
        busy, "SELECT number, outcome FROM trail WHERE kind = 'key_rotated' ORDER BY number"
    )
    number, outcome = rows[which]
    for other in (*(each for _, each in rows), "audit:0123456789abcdef", None, ""):
        if other != outcome:
            edit(busy, "UPDATE trail SET outcome = ? WHERE number = ?", other, number)
            assert checked(busy)[2:4] == (number, CHANGED)


def test_a_tail_sealed_with_an_old_key_is_found(busy: Desk) -> None:
    """A rotated key seals nothing after its rotation."""
    ((old,),) = edit(busy, "SELECT outcome FROM trail WHERE kind = 'initialised'")
    head = head_of(busy)
    with busy.session() as session:
        sealer = AuditSealer(session.keyring.find(AUDIT_KEY, old))
        store_id = session.identity.store_id
    values = edit(busy, f"SELECT {ALL} FROM trail WHERE number = ?", head.number)[0]  # noqa: S608
    forged = TrailEvent(*values)._replace(number=head.number + 1, agent="eve")
    forged = forged._replace(link=link_of(head.link, forged))
    put_back(
        busy,
        forged._replace(seal=sealer.seal_trail(store_id, forged.number, forged.link)),
    )
    assert checked(busy)[2:4] == (forged.number, WRONG_SEAL)


@pytest.mark.parametrize("lost", ["present", "first", "second"])
def test_a_wrong_or_missing_audit_key_is_not_tampering(busy: Desk, lost: str) -> None:
    """Without the right keys the trail can't be checked."""
    named = [
        outcome.rpartition(":")[2]
        for (outcome,) in edit(
            busy,
            "SELECT outcome FROM trail WHERE kind = 'initialised' OR outcome LIKE 'audit:%' "
            "ORDER BY number",
        )
    ]
    if lost == "present":
        (busy.keys / "audit.key").write_text("ab" * 32 + "\n")
    else:
        (busy.keys / f"audit-{named[lost == 'second']}.key").unlink()
    with pytest.raises(KeysUnavailable) as raised:
        checked(busy)
    assert raised.value.fault in (Fault.MISMATCH, Fault.MISSING)


def _filled(desk: Desk, events: int) -> None:
    def fill(transaction: Transaction) -> None:
        transaction.save([NewEvent(EventKind.REFUSED, name=f"n{n}") for n in range(events)])

    with desk.session() as session:
        session.store.write(fill)


@pytest.mark.rotating
def test_memory_is_flat(desk: Desk) -> None:
    """Checking many pages takes no more memory than checking two.

    A hundred bytes kept of each event would be more than twice as much.
    """
    peaks = []
    for pages in (2, 18):
        _filled(desk, pages * PAGE)
        with desk.session(Need.CHECK) as session:
            gc.collect()
            tracemalloc.start()
            report = check_trail(session, None)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert report.events > 20 * PAGE
    assert peaks[1] < peaks[0] * 1.5


def test_callers_verify_during_a_check(busy: Desk) -> None:
    """Between any two pages; their events are checked too."""
    _filled(busy, 3 * PAGE)
    reported: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        reported.append((done, total))
        if len(reported) <= 3:  # or it would never come to an end
            with busy.session() as other:
                verify(other, "bob", RIGHT, None)

    with busy.session(Need.CHECK) as session:
        report = check_trail(session, None, progress=progress)
    assert report.finding is None
    assert len(reported) > 3
    assert report.events > reported[0][1]
    assert [done for done, _ in reported] == sorted(done for done, _ in reported)


@pytest.mark.parametrize("act", ["verify", "add"])
def test_changes_while_records_are_compared_are_no_tampering(
    busy: Desk, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """A verify or a new user, after the trail was read."""
    begin, acted = SqliteStore.at_one_moment, list[str]()

    def overtaken(store: SqliteStore) -> AbstractContextManager[None]:
        if len(acted) < 3:  # or it would never come to an end
            acted.append(f"user{len(acted)}")
            with busy.session() as other:
                if act == "verify":
                    verify(other, "bob", RIGHT, "T-2")
                else:
                    people.add(other, acted[-1], "acme", "", UserType.CLOUD)
        return begin(store)

    with busy.session(Need.CHECK) as session:
        monkeypatch.setattr(SqliteStore, "at_one_moment", overtaken)
        assert check_trail(session, None).finding is None
    assert len(acted) == 3


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32))
def test_a_head_is_read_as_it_is_printed(number: int, link: bytes) -> None:
    """With blanks around it too."""
    head = Head(number, link)
    assert parse_head(str(head)) == parse_head(f" {head}\n") == head


@pytest.mark.parametrize(
    "text",
    ["", ":", "1", "1:", f":{'a' * 64}", f"-1:{'a' * 64}", f"1:{'a' * 63}", f"1:{'a' * 65}",
     f"1:{'A' * 64}", f"1:{'g' * 64}", f"1.0:{'a' * 64}", f"x:{'a' * 64}", f"\u0661:{'a' * 64}",
     f"1:{'a' * 63}\u0661", f"1:2:{'a' * 64}"],
)  # fmt: skip
def test_a_malformed_head_is_wrong_usage(text: str) -> None:
    """Before anything is checked."""
    with pytest.raises(UsageProblem):
        parse_head(text)
