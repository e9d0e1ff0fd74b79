"""The engine's transactions: whole and chained, or nothing at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from pincli.errors import KeyChanged, StoreUnavailable
from pincli.models import EventKind, Fault, NewEvent, Origin, PinOrigin, User, UserType
from pincli.operations import pins
from pincli.operations.session import Session
from pincli.store.contract import Store, Transaction
from pincli.store.sqlite import lockfile as locks
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.steps import attempts, people
from pincli.store.steps import pins as pin_steps
from pincli.store.steps.attempts import Charged, RenewedVerifier
from tests.store.attempting import charge, charged
from tests.store.processes import held_by_other
from tests.support.desk import Desk

Step = Callable[[Session, dict[str, User]], object]


class DiskError(sqlite3.OperationalError):
    """Stands for whatever can fail while a transaction is under way."""


class FailingSigner:
    """Signs for the store's key, and fails at one of its signatures."""

    def __init__(self, fingerprint: str, good: int) -> None:
        self.fingerprint = fingerprint
        self._good = good

    def mac(self, previous: str, row: tuple[str | int | None, ...]) -> str:
        """A mac, until it fails."""
        if self._good == 0:
            raise DiskError("disk I/O error")
        self._good -= 1
        return f"{previous[:8]}{row[0]}"


def sign(session: Session, good: int) -> None:
    """Let the session sign so often, and fail then."""
    signer = FailingSigner(session.keyring.audit.fingerprint, good)
    session.store.sign_with(signer, lambda _: signer)


def settle(session: Session, user: User, *, matched: bool) -> None:
    """Settle the attempt that is open in the user's record."""
    assert user.pin is not None
    assert user.open_attempt is not None
    session.store.write(
        attempts.settle,
        Charged(user.open_attempt, user, user.pin, session.keyring.verify.fingerprint),
        matched=matched,
        renewed=None,
        ticket=None,
    )


def issue(session: Session, user: User, *, unlock: bool) -> None:
    """Reset a user to a new PIN."""
    new = pins.prepare(session, user, "234811", PinOrigin.GENERATED)
    session.store.write(pin_steps.issue, [(user.id, new)], unlock=unlock, reason="r")


def change(session: Session, user: User) -> None:
    """Set the PIN that the customer chose."""
    new = pins.prepare(session, user, "234811", PinOrigin.CUSTOMER)
    session.store.write(pin_steps.change, user.id, new)


def withdraw(session: Session, users: dict[str, User], *, unlock: bool) -> None:
    """Reset everybody at once."""
    rows = [user.id for user in users.values()]
    session.store.write(pin_steps.withdraw, rows, unlock=unlock, reason="r")


def unlock(store: Store, user: User) -> User:
    """Release a lock."""
    released = store.write(pin_steps.unlock, user.id, reason="r")
    assert isinstance(released, User)
    return released


def hold(session: Session, user: User) -> None:
    """Take the user's lock, which closes what a dead process left open."""
    with session.holding(user):
        pass


NOBODY = NewEvent(EventKind.REFUSED, name="nobody", outcome="x")
STEPS: dict[str, tuple[int, Step]] = {
    "charge": (1, lambda s, u: charged(s, u["alice"])),
    "refuse": (1, lambda s, u: charge(s, u["locked"])),
    "settle a match": (1, lambda s, u: settle(s, u["open"], matched=True)),
    "settle the sixth miss": (2, lambda s, u: settle(s, u["open"], matched=False)),
    "abandon the sixth": (2, lambda s, u: hold(s, u["open"])),
    "set a PIN": (1, lambda s, u: change(s, u["alice"])),
    "show a PIN": (
        1,
        lambda s, u: s.store.write(pin_steps.note_shown, u["alice"].id, u["alice"].pin_version),
    ),
    "issue": (1, lambda s, u: issue(s, u["alice"], unlock=False)),
    "issue and unlock": (2, lambda s, u: issue(s, u["locked"], unlock=True)),
    "withdraw three": (3, lambda s, u: withdraw(s, u, unlock=False)),
    "withdraw and unlock three": (5, lambda s, u: withdraw(s, u, unlock=True)),
    "unlock": (1, lambda s, u: unlock(s.store, u["locked"])),
    "add": (1, lambda s, _: s.store.write(people.add_user, "new", "acme", "", UserType.CLOUD)),
    "deactivate": (
        1,
        lambda s, u: s.store.write(people.set_active, [u["alice"].id], active=False, reason="r"),
    ),
    "record": (1, lambda s, _: s.store.write(people.record, NOBODY)),
}


@pytest.fixture
def users(desk: Desk) -> dict[str, User]:
    """One with two misses, one locked, and one whose sixth attempt is open."""
    for name in ("alice", "locked", "open"):
        desk.collected(name)
    desk.sql("UPDATE users SET failed_attempts = 2 WHERE user = 'alice'")
    desk.sql("UPDATE users SET failed_attempts = 6, locked_since = 't' WHERE user = 'locked'")
    desk.sql("UPDATE users SET failed_attempts = 5 WHERE user = 'open'")
    with desk.session() as session:
        charged(session, desk.user("open"))
    return {name: desk.user(name) for name in ("alice", "locked", "open")}


def dump(desk: Desk) -> list[str]:
    """The whole database as text."""
    with closing(sqlite3.connect(desk.database)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_fails_changes_nothing(desk: Desk, users: dict[str, User], name: str) -> None:
    """Wherever a step fails, all of it is undone: record, counter and events alike."""
    signatures, step = STEPS[name]
    before = dump(desk)
    for good in range(signatures):
        with desk.session() as session:
            sign(session, good)
            with pytest.raises(StoreUnavailable):
                step(session, users)
            assert session.store.locks_recorded == []
            assert session.store.people.find("alice") == users["alice"]  # it is fit for use
        assert dump(desk) == before
    with desk.session() as session:
        sign(session, signatures)
        step(session, users)
    assert dump(desk) != before


@pytest.mark.parametrize("name", STEPS)
def test_nothing_is_written_once_the_audit_key_is_another(
    desk: Desk, users: dict[str, User], name: str
) -> None:
    """A process that signs with a key the store no longer has is stopped before it writes."""
    _, step = STEPS[name]
    with desk.session() as session:
        desk.sql("UPDATE store SET audit_key = 'rotated meanwhile'")
        before = dump(desk)
        with pytest.raises(KeyChanged):
            step(session, users)
    assert dump(desk) == before


@pytest.mark.parametrize("key", ["verify_key", "portal_key"])
@pytest.mark.parametrize("name", ["set a PIN", "issue", "issue and unlock"])
def test_no_pin_is_written_under_a_key_that_is_no_longer_current(
    desk: Desk, users: dict[str, User], name: str, key: str
) -> None:
    """A verifier or seal made with yesterday's key is refused: soon nobody could use it."""
    _, step = STEPS[name]
    with desk.session() as session:
        desk.sql(f"UPDATE store SET {key} = 'rotated meanwhile'")  # noqa: S608
        before = dump(desk)
        with pytest.raises(KeyChanged):
            step(session, users)
    assert dump(desk) == before


def test_a_verifier_is_not_renewed_to_a_key_that_is_no_longer_current(
    desk: Desk, users: dict[str, User]
) -> None:
    """A rotation between charge and settle files no verifier under another key's name."""
    with desk.session() as session, session.holding(users["alice"]) as user:
        attempt = charged(session, user)
        key = session.keyring.verify
        verifier = session.verifiers.make(key, "alice", user.pin_version, desk.pins["alice"])
        desk.sql("UPDATE store SET verify_key = 'rotated meanwhile'")
        renewed = RenewedVerifier(verifier, key.fingerprint)
        session.store.write(attempts.settle, attempt, matched=True, renewed=renewed, ticket=None)
    assert desk.user("alice").pin == users["alice"].pin


def test_a_store_opened_for_reading_does_not_write(desk: Desk, users: dict[str, User]) -> None:
    """Without a signer nothing can be recorded, so nothing can be changed."""
    before = dump(desk)
    store = SqliteStore(desk.store, origin=Origin("tester", "status"))
    with pytest.raises(RuntimeError):
        unlock(store, users["locked"])
    store.close()
    assert dump(desk) == before


def test_a_bug_in_a_step_is_not_hidden(desk: Desk, users: dict[str, User]) -> None:
    """It is not reported as a damaged store, and all that the step has saved is rolled back."""

    def broken(transaction: Transaction) -> None:
        pin_steps.unlock(transaction, users["locked"].id, reason="r")
        raise KeyError("a bug")

    before = dump(desk)
    with desk.session() as session:
        with pytest.raises(KeyError):
            session.store.write(broken)
        assert session.store.people.find("locked") == users["locked"]
    assert dump(desk) == before


def test_a_step_waits_for_the_writer_lock_first(
    desk: Desk, users: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can't have the writer lock gives up with the store as it was."""
    monkeypatch.setattr(locks, "LONGEST_WAIT", 0.1)
    before = dump(desk)
    with held_by_other(desk.store / "pincli.lock", 0), desk.session() as session:
        with pytest.raises(StoreUnavailable) as refusal:
            unlock(session.store, users["locked"])
        assert session.store.people.find("alice") == users["alice"]
    assert refusal.value.fault is Fault.BUSY
    assert dump(desk) == before
