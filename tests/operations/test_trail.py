"""Checking the trail: whatever somebody with the file, but without audit.key, did to it shows."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pincli.errors import KeysUnavailable, PincliError, UsageProblem
from pincli.models import EventKind, Fault, Head, NewEvent, UserType
from pincli.operations import keys, people, pins, unlock
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.trail import check_trail, parse_head
from pincli.operations.verify import verify
from pincli.results import TrailReport
from pincli.store.contract import Transaction
from pincli.store.sql.trail import PAGE
from pincli.vault.audit_macs import AuditSigner
from pincli.vault.keyring import AUDIT_KEY
from tests.support.desk import Desk, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG
from tests.support.floor import copy_of

COLUMNS = (
    "at", "agent", "command", "kind", "user", "account", "attempt", "outcome", "attempts_used",
    "pin_version", "reason", "ticket", "mac",
)  # fmt: skip
NUMBERS = frozenset({"attempt", "attempts_used", "pin_version"})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A trail with all that happens in a day, across two rotations of the audit key."""
    desk = new_desk(tmp_path_factory.mktemp("busy"))
    for user in ("alice", "bob"):
        desk.collected(user, pin=RIGHT)
    _rotate(desk, KeyKind.AUDIT)
    with desk.session() as session:
        verify(session, "alice", RIGHT, "T-1")
        for _ in range(6):
            verify(session, "bob", WRONG, None)
        unlock.unlock(session, "bob", "rang")
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
    """That trail, for one test alone."""
    return copy_of(template, tmp_path)


def edit(desk: Desk, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run SQL behind pincli's back, without waiting for the disk."""
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        return connection.execute(statement, parameters).fetchall()


def put_back(desk: Desk, row: Sequence[object]) -> None:
    """Insert a whole event."""
    marks = ", ".join("?" * len(row))
    edit(desk, f"INSERT INTO events VALUES ({marks})", *row)  # noqa: S608


def checked(desk: Desk, expected: Head | None = None) -> TrailReport:
    """What `audit verify` finds."""
    with desk.session(Need.CHECK) as session:
        return check_trail(session, expected)


def head_of(desk: Desk) -> Head:
    """The head that is printed now."""
    return checked(desk).head


def renumber(desk: Desk, rows: Sequence[int], by: int) -> None:
    """Move events to other numbers, in an order that never meets another."""
    for seq in sorted(rows, reverse=by > 0):
        edit(desk, "UPDATE events SET seq = seq + ? WHERE seq = ?", by, seq)


def numbers(desk: Desk) -> list[int]:
    """The numbers of all events."""
    return [seq for (seq,) in edit(desk, "SELECT seq FROM events ORDER BY seq")]


def _rotate(desk: Desk, kind: KeyKind) -> None:
    with desk.session() as session:
        keys.rotate(session, kind)


def test_an_honest_trail_is_untouched(busy: Desk) -> None:
    """Nothing is found across rotations, and the head is the last event."""
    report = checked(busy)
    assert (report.seq, report.finding) == (None, None)
    assert report.events == report.head.seq == len(numbers(busy))
    ((mac,),) = edit(busy, "SELECT mac FROM events ORDER BY seq DESC LIMIT 1")
    assert report.head.mac == mac


def test_every_column_of_every_event_is_checked(busy: Desk) -> None:
    """The first bad row is the one that was edited, whichever column it was."""
    for seq in numbers(busy):
        for column in COLUMNS:
            ((before,),) = edit(busy, f"SELECT {column} FROM events WHERE seq = ?", seq)  # noqa: S608
            after: object = (before or 0) + 1 if column in NUMBERS else f"{before or ''}x"
            change = f"UPDATE events SET {column} = ? WHERE seq = ?"  # noqa: S608
            edit(busy, change, after, seq)
            report = checked(busy)
            assert (report.seq, report.finding) == (seq, "the event was changed or put here")
            assert report.events == seq - 1
            edit(busy, change, before, seq)
    assert checked(busy).finding is None


@pytest.mark.parametrize("column", ["user", "account", "outcome", "reason", "ticket", "attempt"])
def test_null_and_empty_are_different(busy: Desk, column: str) -> None:
    """A value cannot be taken away, nor nothing be made an empty text or a zero."""
    for seq in numbers(busy):
        ((before,),) = edit(busy, f"SELECT {column} FROM events WHERE seq = ?", seq)  # noqa: S608
        nothing: object = 0 if column in NUMBERS else ""
        change = f"UPDATE events SET {column} = ? WHERE seq = ?"  # noqa: S608
        edit(busy, change, nothing if before is None else None, seq)
        assert checked(busy).seq == seq
        edit(busy, change, before, seq)


def test_a_user_or_an_outcome_exchanged_between_two_events_shows(busy: Desk) -> None:
    """Whom it happened to and how it ended cannot be told otherwise afterwards."""
    first, second = (seq for (seq,) in edit(busy, "SELECT seq FROM events WHERE kind = 'attempt' "
                                                "ORDER BY seq LIMIT 2"))  # fmt: skip
    edit(busy, "UPDATE events SET user = 'bob' WHERE seq = ?", first)
    assert checked(busy).seq == first
    edit(busy, "UPDATE events SET user = 'alice' WHERE seq = ?", first)
    edit(
        busy, "UPDATE events SET outcome = 'verified', kind = 'verified' WHERE seq = ?", second + 1
    )
    assert checked(busy).seq == second + 1


def test_a_deleted_event_is_missed(busy: Desk) -> None:
    """The first, and any in the middle, is named by the number that is not there."""
    for seq in numbers(busy)[:-1]:
        copied = edit(busy, "SELECT * FROM events WHERE seq = ?", seq)[0]
        edit(busy, "DELETE FROM events WHERE seq = ?", seq)
        assert checked(busy)[2:] == (seq, "the event is missing")
        put_back(busy, copied)
    assert checked(busy).finding is None


def test_a_deletion_closed_up_shows(busy: Desk) -> None:
    """The tail renumbered after a deletion: the event now standing there does not fit."""
    for seq in (1, 2, len(numbers(busy)) // 2):
        desk = copy_of(busy, busy.store.parent / f"closed-{seq}")
        edit(desk, "DELETE FROM events WHERE seq = ?", seq)
        renumber(desk, [each for each in numbers(desk) if each > seq], -1)
        assert checked(desk).seq == seq


def test_a_cut_tail_shows_against_an_earlier_head(busy: Desk) -> None:
    """By itself a shorter chain is whole; the head that was noted down says otherwise."""
    head = head_of(busy)
    edit(busy, "DELETE FROM events WHERE seq = ?", head.seq)  # a look at a PIN: no record changed
    assert checked(busy).finding is None
    assert checked(busy, head)[2:] == (head.seq, "the trail was cut off")


def test_a_cut_tail_that_was_written_over_shows(busy: Desk) -> None:
    """As many honest events after a cut do not bring the noted head back."""
    head = head_of(busy)
    edit(busy, "DELETE FROM events WHERE seq = ?", head.seq)
    for _ in range(3):
        # By another: the very event that was cut, within the same second, would be no change.
        with busy.session(agent="another") as session:
            pins.show(session, "bob")
    assert checked(busy).finding is None
    assert checked(busy, head)[2:] == (head.seq, "the head is another")


def test_a_cut_tail_shows_in_the_records_too(busy: Desk) -> None:
    """Without a head: a user whose last event is gone is not as the trail says."""
    with busy.session() as session:
        verify(session, "bob", WRONG, None)
    edit(busy, "DELETE FROM events WHERE seq > ?", head_of(busy).seq - 2)
    assert checked(busy).finding == (
        "the record of bob was changed behind the trail: its attempts counter"
    )


def test_an_earlier_head_is_met(busy: Desk) -> None:
    """Every head that was ever printed still fits while the trail only grows."""
    rows = edit(busy, "SELECT seq, mac FROM events ORDER BY seq")
    for seq, mac in rows:
        assert checked(busy, Head(seq, mac)).finding is None


def test_a_trail_without_any_event_is_no_trail(desk: Desk) -> None:
    """`init` wrote one, so none at all is a finding, even where there is no user."""
    edit(desk, "DELETE FROM events")
    assert checked(desk).finding is not None


def test_an_inserted_event_shows(busy: Desk) -> None:
    """At the end with an invented mac, or in the middle with the tail moved up."""
    last = numbers(busy)[-1]
    insert = (
        "INSERT INTO events SELECT ?, at, agent, command, kind, user, account, attempt, outcome, "
        "attempts_used, pin_version, reason, ticket, mac FROM events WHERE seq = ?"
    )
    edit(busy, insert, last + 1, last)
    assert checked(busy).seq == last + 1
    edit(busy, "DELETE FROM events WHERE seq = ?", last + 1)
    middle = last // 2
    renumber(busy, [seq for seq in numbers(busy) if seq > middle], 1)
    edit(busy, insert, middle + 1, middle)
    assert checked(busy).seq == middle + 1


def test_two_events_that_changed_places_show(busy: Desk) -> None:
    """The first of the two is named, neighbours or not."""
    for first, second in ((1, 2), (4, 5), (3, 9)):
        desk = copy_of(busy, busy.store.parent / f"swapped-{first}")
        for old, new in ((first, 9999), (second, first), (9999, second)):
            edit(desk, "UPDATE events SET seq = ? WHERE seq = ?", new, old)
        assert checked(desk).seq == first


def test_another_store_s_trail_does_not_fit(busy: Desk) -> None:
    """The first mac binds the store's own id."""
    edit(busy, "UPDATE store SET store_id = 'another'")
    assert checked(busy).seq == 1


@pytest.mark.parametrize("field", ["version", "counter"])
def test_an_old_record_put_back_shows(busy: Desk, field: str) -> None:
    """A whole old row, its PIN still valid in itself, or only its old counter."""
    columns = "verifier, verify_key, sealed, portal_key, pin_set_at, pin_set_by, pin_version"
    (old,) = edit(busy, f"SELECT {columns}, failed_attempts FROM people WHERE user = 'bob'")  # noqa: S608
    with busy.session() as session:
        pins.change(session, "bob", OTHER)
    assert checked(busy).finding is None
    if field == "version":
        edit(
            busy,
            f"UPDATE people SET ({columns}) = (?, ?, ?, ?, ?, ?, ?) WHERE user = 'bob'",  # noqa: S608
            *old[:-1],
        )
        expected = "PIN version"
    else:
        edit(busy, "UPDATE people SET failed_attempts = ? WHERE user = 'bob'", old[-1])
        expected = "attempts counter"
    report = checked(busy)
    assert report.seq is None
    assert report.finding == f"the record of bob was changed behind the trail: its {expected}"


def test_a_counter_set_to_zero_shows(busy: Desk) -> None:
    """Six more attempts for whoever can write the file: found."""
    edit(busy, "UPDATE people SET failed_attempts = 0 WHERE user = 'bob'")
    assert checked(busy).finding == (
        "the record of bob was changed behind the trail: its attempts counter"
    )


def test_a_user_put_in_behind_the_trail_shows(busy: Desk) -> None:
    """Every user has an event that added them."""
    edit(
        busy,
        "INSERT INTO users (user, account, name, type, active, added_at) "
        "VALUES ('mallory', 'acme', '', 'cloud', 1, '2026-01-01T00:00:00Z')",
    )
    assert "mallory" in (checked(busy).finding or "")


def test_records_beyond_the_first_page_are_compared(busy: Desk) -> None:
    """The last of many users is looked at as well."""
    with busy.session() as session:
        for number in range(PAGE + 1):
            people.add(session, f"user{number}", "acme", "", UserType.CLOUD)
    assert checked(busy).finding is None
    edit(busy, "UPDATE people SET failed_attempts = 1 WHERE user = ?", f"user{PAGE}")
    assert f"user{PAGE}" in (checked(busy).finding or "")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_rotation_event_cannot_name_another_key(busy: Desk, which: int) -> None:
    """Who signs what follows is believed only after the event itself was checked."""
    rows = edit(busy, "SELECT seq, outcome FROM events WHERE kind = 'key_rotated' ORDER BY seq")
    others = [outcome for _, outcome in rows]
    seq, outcome = rows[which]
    for other in (*others, "audit:0123456789abcdef", None, ""):
        if other != outcome:
            edit(busy, "UPDATE events SET outcome = ? WHERE seq = ?", other, seq)
            assert checked(busy).seq == seq


def test_a_tail_signed_with_an_old_key_shows(busy: Desk) -> None:
    """A key that was rotated away signs nothing after its rotation."""
    old = edit(busy, "SELECT outcome FROM events WHERE kind = 'initialised'")[0][0]
    head = head_of(busy)
    with busy.session() as session:
        signer = AuditSigner(session.keyring.find(AUDIT_KEY, old))
        row = (head.seq + 1, "2026-01-01T00:00:00Z", "eve", "verify", "verified", "bob", "acme",
               None, "verified", 0, 1, None, None)  # fmt: skip
        mac = signer.mac(head.mac, row)
    put_back(busy, (*row, mac))
    assert checked(busy).seq == head.seq + 1


@pytest.mark.parametrize("mac", ["", "\u00e9" * 64, "\0", "AB" * 32])
def test_a_mac_of_any_text_is_looked_at(busy: Desk, mac: str) -> None:
    """What somebody put in a mac's place is compared, whatever it is."""
    edit(busy, "UPDATE events SET mac = ? WHERE seq = 3", mac)
    assert checked(busy).seq == 3


def test_a_first_key_s_name_that_was_changed_is_tampering(busy: Desk) -> None:
    """Though no such key is there: the next event shows which one signed."""
    edit(busy, "UPDATE events SET outcome = '0123456789abcdef' WHERE seq = 1")
    assert checked(busy)[2:] == (1, "the event was changed or put here")


@pytest.mark.parametrize("lost", ["present", "first", "second"])
def test_a_wrong_or_missing_audit_key_is_not_tampering(busy: Desk, lost: str) -> None:
    """Without the right keys nothing can be said about the trail: that is what is said."""
    named = [
        outcome.rpartition(":")[2]
        for (outcome,) in edit(
            busy,
            "SELECT outcome FROM events WHERE kind = 'initialised' OR outcome LIKE 'audit:%' "
            "ORDER BY seq",
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
    """Append events as one bulk step would."""

    def fill(transaction: Transaction) -> None:
        transaction.save([NewEvent(EventKind.REFUSED, name=f"n{n}") for n in range(events)])

    with desk.session() as session:
        session.store.write(fill)


def test_memory_is_flat(desk: Desk) -> None:
    """A trail of many pages takes no more memory to check than one of two."""
    peaks = []
    for pages in (2, 18):
        _filled(desk, pages * PAGE)
        with desk.session(Need.CHECK) as session:
            tracemalloc.start()
            report = check_trail(session, None)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert report.events > 20 * PAGE
    assert peaks[1] < peaks[0] * 1.2


def test_a_check_holds_nobody_up(busy: Desk) -> None:
    """Agents verify between any two of its pages, and what they add is checked too."""
    _filled(busy, 3 * PAGE)
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) <= 3:  # or it would never come to an end
            with busy.session() as other:
                verify(other, "bob", RIGHT, None)

    with busy.session(Need.CHECK) as session:
        report = check_trail(session, None, progress=progress)
    assert report.finding is None
    assert len(told) > 3
    assert report.events > told[0][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32))
def test_a_head_is_read_as_it_is_printed(seq: int, mac: bytes) -> None:
    """What `audit verify` prints is what --expect-head takes, blanks around it or not."""
    head = Head(seq, mac.hex())
    assert parse_head(str(head)) == parse_head(f" {head}\n") == head


@pytest.mark.parametrize(
    "text",
    ["", ":", "1", "1:", f":{'a' * 64}", f"-1:{'a' * 64}", f"1:{'a' * 63}", f"1:{'a' * 65}",
     f"1:{'A' * 64}", f"1:{'g' * 64}", f"1.0:{'a' * 64}", f"x:{'a' * 64}", f"\u0661:{'a' * 64}",
     f"1:{'a' * 63}\u0661", f"1:2:{'a' * 64}"],
)  # fmt: skip
def test_what_is_no_head_is_refused(text: str) -> None:
    """Usage, before anything is checked."""
    with pytest.raises(UsageProblem):
        parse_head(text)
