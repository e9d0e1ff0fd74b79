"""The audit trail on disk: numbered without a gap, and chained as anybody can recompute."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

import pytest

from pincli.errors import PincliError
from pincli.models import EventKind, NewEvent, UserType
from pincli.operations import people, pins, unlock
from pincli.operations.session import Session
from pincli.operations.verify import verify
from pincli.store.steps import people as people_steps
from pincli.store.steps import pins as pin_steps
from pincli.vault.audit_macs import AuditSigner
from tests.store.attempting import charged
from tests.store.chain import computed_macs, stored_macs
from tests.support.desk import Desk, new_desk

COLUMNS = (
    "at", "agent", "command", "kind", "user", "account", "attempt", "outcome", "attempts_used",
    "pin_version", "reason", "ticket",
)  # fmt: skip
PIN = "444159"
WRONG = "111222"


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """A store in which everything has happened once."""
    desk.collected("alice", pin=PIN)
    desk.add("bob", kind=UserType.DATAPIPE)
    desk.add("carol", account="globex")
    with desk.session() as session:
        verify(session, "alice", PIN, "T-1")
        for _ in range(6):
            verify(session, "alice", WRONG, None)
        verify(session, "alice", PIN, None)
        pins.show(session, "alice")
        unlock.unlock(session, "alice", "said so")
        pins.show(session, "carol")
        for refused in (
            lambda: pins.change(session, "alice", PIN),
            lambda: pins.show(session, "bob"),
            lambda: unlock.unlock(session, "alice", "again"),
            lambda: verify(session, "nobody", PIN, "T-2"),
        ):
            with suppress(PincliError):
                refused()
        people.set_active(session, "bob", active=False, reason="left")
        people.set_active(session, "bob", active=True, reason=None)
        withdraw(session, "carol", "incident")
        charge(session, "alice")
        withdraw(session, "alice", None)
        verify(session, "alice", PIN, None)
        desk.sql("UPDATE users SET failed_attempts = 1 WHERE user = 'carol'")
        withdraw(session, "carol", None)
    return desk


def withdraw(session: Session, name: str, reason: str | None) -> None:
    """Reset a user as bulk work does."""
    user = session.store.people.find(name)
    assert user is not None
    session.store.write(pin_steps.withdraw, [user.id], unlock=False, reason=reason)


def charge(session: Session, name: str) -> None:
    """Charge an attempt that nobody settles."""
    user = session.store.people.find(name)
    assert user is not None
    charged(session, user, "T-3")


def test_everything_has_happened(busy: Desk) -> None:
    """The trail below holds the events of everything that one user can go through."""
    kinds = {event.kind for event in busy.events()}
    assert kinds >= {
        EventKind.INITIALISED,
        EventKind.USER_ADDED,
        EventKind.DEACTIVATED,
        EventKind.ACTIVATED,
        EventKind.ATTEMPT,
        EventKind.VERIFIED,
        EventKind.INCORRECT,
        EventKind.ABANDONED,
        EventKind.REFUSED,
        EventKind.LOCKED,
        EventKind.UNLOCKED,
        EventKind.PIN_GENERATED,
        EventKind.PIN_CHANGED,
        EventKind.PIN_SHOWN,
        EventKind.PIN_WITHDRAWN,
        EventKind.RESET,
    }


def test_every_mac_is_what_the_design_says(busy: Desk) -> None:
    """Recomputed from the rows, audit.key and the store's id alone, the whole chain agrees."""
    assert stored_macs(busy) == computed_macs(busy)


def test_the_numbers_have_no_gap(busy: Desk) -> None:
    """The trail is numbered from 1; a step that failed took no number."""
    numbers = [seq for (seq,) in busy.sql("SELECT seq FROM events ORDER BY seq")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_an_outcome_names_its_attempt(busy: Desk) -> None:
    """Every attempt is ended once, by an event after it that carries its number."""
    events = busy.events()
    attempts = [event.seq for event in events if event.kind is EventKind.ATTEMPT]
    ends = [event for event in events if event.attempt is not None]
    assert sorted(event.attempt or 0 for event in ends) == attempts
    assert all(event.seq > (event.attempt or 0) for event in ends)


def test_no_event_holds_a_pin(busy: Desk) -> None:
    """Neither a right nor a wrong answer, nor a PIN that was shown, stands in the trail."""
    with busy.session() as session:
        carols = pins.show(session, "carol").pin
    text = repr(busy.sql(f"SELECT {', '.join(COLUMNS)} FROM events"))  # noqa: S608
    assert all(secret not in text for secret in (PIN, WRONG, carols))


def test_every_event_says_who_and_what(desk: Desk) -> None:
    """Agent, command and time stand on each; the record's figures are those after it."""
    desk.collected("alice", pin=PIN)
    with desk.session(agent="root", command="verify") as session:
        verify(session, "alice", WRONG, "T-9")
    attempt, outcome = desk.events()[-2:]
    for event in (attempt, outcome):
        assert (event.agent, event.command) == ("root", "verify")
        assert (event.user, event.account, event.ticket) == ("alice", "acme", "T-9")
        assert (event.attempts_used, event.pin_version) == (1, 1)
        assert event.at.endswith("Z")
        assert len(event.at) == len("2026-01-02T03:04:05Z")
    assert (attempt.kind, outcome.kind) == (EventKind.ATTEMPT, EventKind.INCORRECT)
    assert (attempt.outcome, outcome.outcome) == (None, "incorrect")


def test_an_edited_row_no_longer_fits(busy: Desk) -> None:
    """Whatever somebody without audit.key writes into any column, the chain shows it."""
    lookalikes: tuple[str | int | None, ...] = (None, "", "-", "x", 0, 1, "1")
    ((seq,),) = busy.sql("SELECT max(seq) FROM events WHERE kind = 'incorrect'")
    for column in COLUMNS:
        ((before,),) = busy.sql(f"SELECT {column} FROM events WHERE seq = ?", seq)  # noqa: S608
        edit = f"UPDATE events SET {column} = ? WHERE seq = ?"  # noqa: S608
        for value in lookalikes:
            with suppress(sqlite3.IntegrityError):  # a type that the column does not take
                busy.sql(edit, value, seq)
            ((now,),) = busy.sql(f"SELECT {column} FROM events WHERE seq = ?", seq)  # noqa: S608
            assert (stored_macs(busy) == computed_macs(busy)) is (now == before), (column, value)
        busy.sql(edit, before, seq)


def test_a_removed_row_breaks_the_chain(busy: Desk) -> None:
    """One that was taken out shows, even where the numbers are closed up again."""
    ((seq,),) = busy.sql("SELECT max(seq) FROM events WHERE kind = 'incorrect'")
    busy.sql("DELETE FROM events WHERE seq = ?", seq)
    assert stored_macs(busy) != computed_macs(busy)
    for later in range(seq + 1, seq + 1 + len(stored_macs(busy))):
        busy.sql("UPDATE events SET seq = seq - 1 WHERE seq = ?", later)
    assert stored_macs(busy) != computed_macs(busy)


def test_two_rows_that_changed_places_break_the_chain(busy: Desk) -> None:
    """The order of events is signed with them."""
    ((seq,),) = busy.sql("SELECT max(seq) FROM events WHERE kind = 'incorrect'")
    for old, new in ((seq, 9999), (seq - 1, seq), (9999, seq - 1)):
        busy.sql("UPDATE events SET seq = ? WHERE seq = ?", new, old)
    assert stored_macs(busy) != computed_macs(busy)


def test_the_first_mac_binds_the_store(desk: Desk) -> None:
    """A trail does not fit another store, even one with the same audit.key."""
    macs = stored_macs(desk)
    assert macs == computed_macs(desk)
    desk.sql("UPDATE store SET store_id = 'another'")
    assert macs[0] != computed_macs(desk)[0]


def test_two_stores_share_neither_id_nor_first_mac(
    desk: Desk, tmp_path: pytest.TempPathFactory
) -> None:
    """Each init makes an id of its own."""
    other = new_desk(desk.store.parent / "other")
    assert desk.sql("SELECT store_id FROM store") != other.sql("SELECT store_id FROM store")
    assert stored_macs(desk) != stored_macs(other)


def test_the_store_signs_with_the_audit_key_alone(desk: Desk) -> None:
    """The mac of a new event is the keyring's audit signer's, over the row as it is stored."""
    with desk.session() as session:
        signer = AuditSigner(session.keyring.audit)
        event = NewEvent(EventKind.REFUSED, name="nobody", outcome="unknown_user")
        session.store.write(people_steps.record, event)
    *_, before, last = desk.sql("SELECT * FROM events ORDER BY seq")
    assert last[-1] == signer.mac(before[-1], last[:-1])
