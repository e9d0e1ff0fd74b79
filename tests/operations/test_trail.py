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
from pincli.models import EventKind, Fault, Head, NewEvent, TrailEvent, UserType
from pincli.operations import keys, people, pins, unlock
from pincli.operations.keys import KeyKind
from pincli.operations.session import Need
from pincli.operations.trail import check_trail, parse_head
from pincli.operations.verify import verify
from pincli.results import TrailReport
from pincli.rules.canonical import link_of
from pincli.store.contract import Transaction
from pincli.store.sql.trail import PAGE
from pincli.vault.audit_seals import AuditSealer
from pincli.vault.keyring import Key
from tests.store.population import Person, put
from tests.support.desk import Desk, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG
from tests.support.floor import copy_of

COLUMNS = (
    "at", "agent", "database_login", "command", "kind", "uid", "account", "attempt", "outcome",
    "ended_by", "counter", "pin_version", "texts", "record", "note", "link",
)  # fmt: skip
NUMBERS = frozenset({"attempt", "counter", "pin_version"})
BLOBS = frozenset({"uid", "texts", "record", "link"})
BOBS_RECORD = "the record of bob was changed behind the trail"


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
    edit(desk, f"INSERT INTO trail VALUES ({marks})", *row)  # noqa: S608


def checked(desk: Desk, expected: Head | None = None) -> TrailReport:
    """What `audit verify` finds."""
    with desk.session(Need.CHECK) as session:
        return check_trail(session, expected)


def head_of(desk: Desk) -> Head:
    """The head as it is now."""
    with desk.session(Need.CHECK) as session:
        return session.store.trail.head()


def cut(desk: Desk, number: int) -> None:
    """Delete all events above one, and the mark, as if this host had seen none of them."""
    edit(desk, "DELETE FROM trail WHERE number > ?", number)
    edit(desk, "DELETE FROM texts WHERE number > ?", number)
    for mark in desk.keys.glob("mark-*"):
        mark.unlink()


def changed(value: Any, column: str) -> object:
    """Another value for a column."""
    if column in NUMBERS:
        return (value or 0) + 1
    return (value or b"") + b"x" if column in BLOBS else f"{value or ''}x"


def renumber(desk: Desk, rows: Sequence[int], by: int) -> None:
    """Move events to other numbers, in an order that never meets another."""
    for seq in sorted(rows, reverse=by > 0):
        edit(desk, "UPDATE trail SET number = number + ? WHERE number = ?", by, seq)


def numbers(desk: Desk) -> list[int]:
    """The numbers of all events."""
    return [seq for (seq,) in edit(desk, "SELECT number FROM trail ORDER BY number")]


def _rotate(desk: Desk, kind: KeyKind) -> None:
    with desk.session() as session:
        keys.rotate(session, kind)


def test_an_honest_trail_is_untouched(busy: Desk) -> None:
    """Nothing is found across rotations, and the head is the last event."""
    head, events = head_of(busy), len(numbers(busy))
    report = checked(busy)
    assert (report.seq, report.finding) == (None, None)
    assert (report.events, report.head) == (events, head)
    assert head.number == events
    # That nothing was found is an event by itself.
    assert (head_of(busy).number, busy.events()[-1].kind) == (events + 1, EventKind.AUDITED)


def test_every_column_of_every_event_is_checked(busy: Desk) -> None:
    """The first bad row is the one that was edited, whichever column it was."""
    for seq in numbers(busy):
        for column in COLUMNS:
            ((before,),) = edit(busy, f"SELECT {column} FROM trail WHERE number = ?", seq)  # noqa: S608
            change = f"UPDATE trail SET {column} = ? WHERE number = ?"  # noqa: S608
            edit(busy, change, changed(before, column), seq)
            report = checked(busy)
            assert (report.seq, report.finding) == (seq, "the event was changed or put here")
            assert report.events == seq - 1
            edit(busy, change, before, seq)
    assert checked(busy).finding is None


@pytest.mark.parametrize("column", ["uid", "account", "outcome", "note", "texts", "attempt"])
def test_null_and_empty_are_different(busy: Desk, column: str) -> None:
    """A value cannot be taken away, nor nothing be made an empty text or a zero."""
    for seq in numbers(busy):
        ((before,),) = edit(busy, f"SELECT {column} FROM trail WHERE number = ?", seq)  # noqa: S608
        nothing: object = 0 if column in NUMBERS else b"" if column in BLOBS else ""
        change = f"UPDATE trail SET {column} = ? WHERE number = ?"  # noqa: S608
        edit(busy, change, nothing if before is None else None, seq)
        assert checked(busy).seq == seq
        edit(busy, change, before, seq)


def test_a_user_or_an_outcome_exchanged_between_two_events_shows(busy: Desk) -> None:
    """Whom it happened to and how it ended cannot be told otherwise afterwards."""
    (first, alice), (second, bob) = edit(
        busy, "SELECT number, uid FROM trail WHERE kind = 'attempt' ORDER BY number LIMIT 2"
    )
    edit(busy, "UPDATE trail SET uid = ? WHERE number = ?", bob, first)
    assert checked(busy).seq == first
    edit(busy, "UPDATE trail SET uid = ? WHERE number = ?", alice, first)
    edit(
        busy,
        "UPDATE trail SET outcome = 'verified', kind = 'verified' WHERE number = ?",
        second + 1,
    )
    assert checked(busy).seq == second + 1


def test_a_deleted_event_is_missed(busy: Desk) -> None:
    """The first, and any in the middle, is named by the number that is not there."""
    for seq in numbers(busy)[:-1]:
        copied = edit(busy, "SELECT * FROM trail WHERE number = ?", seq)[0]
        edit(busy, "DELETE FROM trail WHERE number = ?", seq)
        assert checked(busy)[2:] == (seq, "the event is missing")
        put_back(busy, copied)
    assert checked(busy).finding is None


def test_a_deletion_closed_up_shows(busy: Desk) -> None:
    """The tail renumbered after a deletion: the event now standing there does not fit."""
    for seq in (1, 2, len(numbers(busy)) // 2):
        desk = copy_of(busy, busy.store.parent / f"closed-{seq}")
        edit(desk, "DELETE FROM trail WHERE number = ?", seq)
        renumber(desk, [each for each in numbers(desk) if each > seq], -1)
        assert checked(desk).seq == seq


def test_a_cut_tail_shows_by_the_mark(busy: Desk) -> None:
    """This host has seen what was cut off."""
    head = head_of(busy)
    edit(busy, "DELETE FROM trail WHERE number = ?", head.number)  # a look: no record changed
    finding = checked(busy).finding or ""
    assert finding == f"its trail ends at {head.number - 1}, this host has seen {head.number}"


def test_a_cut_tail_shows_against_an_earlier_head(busy: Desk) -> None:
    """On a host without a mark a shorter chain is whole; the head noted down says otherwise."""
    head = head_of(busy)
    cut(busy, head.number - 1)
    assert checked(busy, head)[2:] == (head.number, "the trail was cut off")
    assert checked(busy).finding is None


def test_a_cut_tail_that_was_written_over_shows(busy: Desk) -> None:
    """As many honest events after a cut do not bring the noted head back."""
    head = head_of(busy)
    cut(busy, head.number - 1)
    for _ in range(3):
        # By another: the very event that was cut, within the same second, would be no change.
        with busy.session(agent="another") as session:
            pins.show(session, "bob")
    assert checked(busy, head)[2:] == (head.number, "the head is another")
    assert checked(busy).finding is None


def test_a_cut_tail_shows_in_the_records_too(busy: Desk) -> None:
    """Without a head: a user whose last event is gone is not as the trail says."""
    with busy.session() as session:
        verify(session, "bob", WRONG, None)
    cut(busy, head_of(busy).number - 1)
    assert checked(busy).finding == BOBS_RECORD


def test_an_earlier_head_is_met(busy: Desk) -> None:
    """Every head that was ever printed still fits while the trail only grows."""
    for number, link in edit(busy, "SELECT number, link FROM trail ORDER BY number"):
        assert checked(busy, Head(number, link)).finding is None


def test_a_trail_without_any_event_is_no_trail(desk: Desk) -> None:
    """`init` wrote one, so none at all is a finding, even where there is no user."""
    edit(desk, "DELETE FROM trail")
    assert checked(desk).finding is not None


def test_an_inserted_event_shows(busy: Desk) -> None:
    """At the end with an invented link, or in the middle with the tail moved up."""
    last = numbers(busy)[-1]
    insert = (
        "INSERT INTO trail SELECT ?, at, agent, database_login, command, kind, uid, account, "  # noqa: S608
        f"{', '.join(COLUMNS[7:])}, seal FROM trail WHERE number = ?"
    )
    edit(busy, insert, last + 1, last)
    assert checked(busy).seq == last + 1
    edit(busy, "DELETE FROM trail WHERE number = ?", last + 1)
    middle = last // 2
    renumber(busy, [seq for seq in numbers(busy) if seq > middle], 1)
    edit(busy, insert, middle + 1, middle)
    assert checked(busy).seq == middle + 1


def test_two_events_that_changed_places_show(busy: Desk) -> None:
    """The first of the two is named, neighbours or not."""
    for first, second in ((1, 2), (4, 5), (3, 9)):
        desk = copy_of(busy, busy.store.parent / f"swapped-{first}")
        for old, new in ((first, 9999), (second, first), (9999, second)):
            edit(desk, "UPDATE trail SET number = ? WHERE number = ?", new, old)
        assert checked(desk).seq == first


def test_another_store_s_trail_does_not_fit(busy: Desk) -> None:
    """The first link binds the store's own id."""
    edit(busy, "UPDATE store SET store_id = ?", "ab" * 16)
    assert checked(busy).seq == 1


@pytest.mark.parametrize("whole", [True, False])
def test_an_old_record_put_back_shows(busy: Desk, whole: bool) -> None:
    """A whole old row with its seal, its PIN still valid in itself, or only its old counter."""
    (old,) = edit(busy, "SELECT * FROM people WHERE login = 'bob'")
    counter = busy.user("bob").failed_attempts
    with busy.session() as session:
        pins.change(session, "bob", OTHER)
    assert checked(busy).finding is None
    if whole:
        marks = ", ".join("?" * len(old))
        edit(busy, f"REPLACE INTO people VALUES ({marks})", *old)  # noqa: S608
    else:
        edit(busy, "UPDATE people SET failed_attempts = ? WHERE login = 'bob'", counter)
    assert checked(busy)[2:] == (None, BOBS_RECORD)


def test_a_counter_set_to_zero_shows(busy: Desk) -> None:
    """Six more attempts for whoever can write the file: found."""
    edit(busy, "UPDATE people SET failed_attempts = 0 WHERE login = 'bob'")
    assert checked(busy).finding == BOBS_RECORD


def test_a_record_s_seal_of_another_shows(busy: Desk) -> None:
    """A row written by somebody without audit.key."""
    edit(busy, "UPDATE people SET seal = zeroblob(32) WHERE login = 'bob'")
    assert checked(busy).finding == "the record of bob has a wrong seal"


def test_a_user_put_in_or_taken_out_behind_the_trail_shows(busy: Desk) -> None:
    """Every user has an event that added them, and everybody who was added is there."""
    with closing(sqlite3.connect(busy.database)) as connection, connection:
        put(connection, [Person("mallory", has_pin=False)])
    assert checked(busy).finding == "mallory is not in the trail"
    edit(busy, "DELETE FROM people WHERE login = 'mallory'")
    gone = busy.user("alice").uid.hex()
    edit(busy, "DELETE FROM people WHERE login = 'alice'")
    assert checked(busy).finding == f"the user {gone} is gone"


def test_a_text_that_was_changed_shows(busy: Desk) -> None:
    """A reason, a ticket or a name that was typed: edited, taken away or put to an event."""
    (text, *_) = edit(busy, "SELECT number FROM texts WHERE reason IS NOT NULL")
    edit(busy, "UPDATE texts SET reason = 'another' WHERE number = ?", *text)
    assert checked(busy)[2:] == (*text, "its texts were changed")
    edit(busy, "DELETE FROM texts WHERE number = ?", *text)
    assert checked(busy)[2:] == (*text, "its texts were changed")


def test_records_beyond_the_first_page_are_compared(busy: Desk) -> None:
    """The last of many users is looked at as well."""
    with busy.session() as session:
        for number in range(PAGE + 1):
            people.add(session, f"user{number}", "acme", "", UserType.CLOUD)
    assert checked(busy).finding is None
    edit(busy, "UPDATE people SET failed_attempts = 1 WHERE login = ?", f"user{PAGE}")
    assert f"user{PAGE}" in (checked(busy).finding or "")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_rotation_event_cannot_name_another_key(busy: Desk, which: int) -> None:
    """Who signs what follows is believed only after the event itself was checked."""
    rows = edit(
        busy, "SELECT number, outcome FROM trail WHERE kind = 'key_rotated' ORDER BY number"
    )
    others = [outcome for _, outcome in rows]
    seq, outcome = rows[which]
    for other in (*others, "audit:0123456789abcdef", None, ""):
        if other != outcome:
            edit(busy, "UPDATE trail SET outcome = ? WHERE number = ?", other, seq)
            assert checked(busy).seq == seq


def test_a_tail_sealed_with_another_key_shows(busy: Desk) -> None:
    """Links can be computed by anybody; a seal is right only under a key of the keys' folder."""
    ((*row,),) = edit(busy, "SELECT * FROM trail ORDER BY number DESC LIMIT 1")
    last = TrailEvent(*row)
    event = last._replace(number=last.number + 1, agent="eve")
    link = link_of(last.link, event)
    with busy.session(Need.CHECK) as session:
        store_id = session.identity.store_id
    sealer = AuditSealer(Key(bytes(32), "0123456789abcdef"))
    seal = sealer.seal_trail(store_id, event.number, link)
    put_back(busy, event._replace(link=link, seal=seal))
    assert checked(busy)[2:] == (event.number, "the event has a wrong seal")
    edit(busy, "UPDATE trail SET seal = NULL WHERE number = ?", event.number)
    assert checked(busy)[2:] == (event.number, "the newest event has no seal")


@pytest.mark.parametrize("link", [b"", "\u00e9".encode() * 32, b"\0", b"\xab" * 32])
def test_a_link_of_any_bytes_is_looked_at(busy: Desk, link: bytes) -> None:
    """What somebody put in a link's place is compared, whatever it is."""
    edit(busy, "UPDATE trail SET link = ? WHERE number = 3", link)
    assert checked(busy).seq == 3


def test_a_first_key_s_name_that_was_changed_is_tampering(busy: Desk) -> None:
    """Though no such key is there: the next event shows which one signed."""
    edit(busy, "UPDATE trail SET outcome = '0123456789abcdef' WHERE number = 1")
    assert checked(busy)[2:] == (1, "the event was changed or put here")


@pytest.mark.parametrize("lost", ["present", "first", "second"])
def test_a_wrong_or_missing_audit_key_is_not_tampering(busy: Desk, lost: str) -> None:
    """Without the right keys nothing can be said about the trail: that is what is said."""
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
    head = Head(seq, mac)
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
