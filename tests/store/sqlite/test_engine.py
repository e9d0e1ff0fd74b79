"""The engine's transactions: whole, or nothing at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from pincli.errors import KeyChanged, StoreUnavailable
from pincli.models import EventKind, Fault, NewEvent, Origin, PinOrigin, User, UserType
from pincli.operations import pins
from pincli.operations.session import Session
from pincli.store.contract import Store, Transaction
from pincli.store.sealing import Sealers
from pincli.store.sql.transaction import SqlTransaction
from pincli.store.sqlite import lockfile as locks
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.steps import attempts, people
from pincli.store.steps import pins as pin_steps
from pincli.store.steps.attempts import Charged
from pincli.vault.audit_seals import AuditSealer
from tests.store.attempting import PIN, charge, charged, with_counter
from tests.store.processes import held_by_other
from tests.support.desk import Desk

Step = Callable[[Session, dict[str, User]], object]


class DiskError(sqlite3.OperationalError):
    """Anything that can fail inside a transaction."""


class FailingSealer:
    """Seals with the store's key, and fails at one of its seals."""

    def __init__(self, sealer: AuditSealer, good: int) -> None:
        self.fingerprint = sealer.fingerprint
        self._sealer = sealer
        self._good = good
        self._writing = False

    def fail_while(self, writing: bool) -> None:
        """Count the seals that are written, not those that are checked."""
        self._writing = writing

    def seal_trail(self, store_id: str, number: int, link: bytes) -> bytes:
        """Seal the trail, or fail."""
        self._count()
        return self._sealer.seal_trail(store_id, number, link)

    def seal_record(self, store_id: str, digest: bytes) -> bytes:
        """Seal a record, or fail."""
        self._count()
        return self._sealer.seal_record(store_id, digest)

    def _count(self) -> None:
        if not self._writing:
            return
        if self._good == 0:
            raise DiskError("disk I/O error")
        self._good -= 1


def seal(session: Session, good: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the session write some seals, and fail at the next one."""
    sealer = FailingSealer(AuditSealer(session.keyring.audit), good)
    session.store.seal_with(Sealers(sealer, lambda _: sealer, lambda: []))
    save = SqlTransaction.save

    def counted(self: SqlTransaction, events: Sequence[NewEvent]) -> None:
        sealer.fail_while(writing=True)
        save(self, events)
        sealer.fail_while(writing=False)

    monkeypatch.setattr(SqlTransaction, "save", counted)


def settle(session: Session, user: User) -> None:
    """Settle the user's open attempt."""
    assert user.attempt is not None
    (charge,) = session.store.trail.raw_after(user.attempt - 1)[:1]
    charged = Charged(charge.number, charge.link, user.id, user.pin_version)
    session.store.write(attempts.settle, charged)


def issue(session: Session, user: User, *, unlock: bool) -> None:
    """Reset a user to a new PIN."""
    new = pins.prepare(session, user, "234811", PinOrigin.GENERATED)
    session.store.write(pin_steps.issue, [(user, new)], unlock=unlock, reason="r")


def change(session: Session, user: User) -> None:
    """Set a PIN that the customer chose."""
    new = pins.prepare(session, user, "234811", PinOrigin.CUSTOMER)
    session.store.write(pin_steps.change, user, new)


def withdraw(session: Session, users: dict[str, User], *, unlock: bool) -> None:
    """Reset everybody in one transaction."""
    rows = [user.id for user in users.values()]
    session.store.write(pin_steps.withdraw, rows, unlock=unlock, reason="r")


def unlock(store: Store, user: User) -> User:
    """Release a lock."""
    released = store.write(pin_steps.unlock, user, reason="r")
    assert isinstance(released, User)
    return released


NOBODY = NewEvent(EventKind.REFUSED, name="nobody", outcome="x")
STEPS: dict[str, tuple[int, Step]] = {
    "charge": (2, lambda s, u: charged(s, u["alice"])),
    "refuse": (1, lambda s, u: charge(s, u["locked"])),
    "settle a match": (2, lambda s, u: settle(s, u["right"])),
    "settle the sixth miss": (2, lambda s, u: settle(s, u["open"])),
    "end the sixth": (2, lambda s, u: s.store.write(attempts.finish, u["open"])),
    "set a PIN": (2, lambda s, u: change(s, u["alice"])),
    "show a PIN": (
        1,
        lambda s, u: s.store.write(pin_steps.note_shown, u["alice"]),
    ),
    "issue": (2, lambda s, u: issue(s, u["alice"], unlock=False)),
    "issue and unlock": (2, lambda s, u: issue(s, u["locked"], unlock=True)),
    "withdraw four": (5, lambda s, u: withdraw(s, u, unlock=False)),
    "withdraw and unlock four": (5, lambda s, u: withdraw(s, u, unlock=True)),
    "unlock": (2, lambda s, u: unlock(s.store, u["locked"])),
    "add": (2, lambda s, _: s.store.write(people.add_user, "new", "acme", "", UserType.CLOUD)),
    "deactivate": (
        2,
        lambda s, u: s.store.write(people.set_active, [u["alice"].id], active=False, reason="r"),
    ),
    "record": (1, lambda s, _: s.store.write(people.record, NOBODY)),
}
"""Steps, and how many seals each writes: one a record, and one of the trail."""


@pytest.fixture
def users(desk: Desk) -> dict[str, User]:
    """Users with two misses, with a lock, and with a wrong and a right open attempt."""
    for name, counter in (("alice", 2), ("locked", 6), ("open", 5), ("right", 0)):
        with_counter(desk, counter, name)
    with desk.session() as session:
        charged(session, desk.user("open"))
        charged(session, desk.user("right"), PIN)
    return {name: desk.user(name) for name in ("alice", "locked", "open", "right")}


def dump(desk: Desk) -> list[str]:
    """The whole database as text."""
    with closing(sqlite3.connect(desk.database)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_fails_changes_nothing(
    desk: Desk, users: dict[str, User], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that fails at any point changes no record, counter or event."""
    seals, step = STEPS[name]
    before = dump(desk)
    for good in range(seals):
        with desk.session() as session, monkeypatch.context() as patch:
            seal(session, good, patch)
            with pytest.raises(StoreUnavailable):
                step(session, users)
            assert session.store.people.find("alice") == [users["alice"]]  # it is fit for use
        assert dump(desk) == before
    with desk.session() as session, monkeypatch.context() as patch:
        seal(session, seals, patch)
        step(session, users)
    assert dump(desk) != before


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("audit_key", tuple(STEPS)),
        ("verify_key", ("set a PIN", "issue", "issue and unlock")),
        ("portal_key", ("set a PIN", "issue", "issue and unlock")),
    ],
)
def test_nothing_is_written_under_a_key_that_is_no_longer_current(
    desk: Desk, users: dict[str, User], key: str, names: tuple[str, ...]
) -> None:
    """No event under an old audit key, and no PIN hashed or sealed with an old one."""
    with desk.session() as session:
        desk.sql(f"UPDATE store SET {key} = 'rotated meanwhile'")  # noqa: S608
        before = dump(desk)
        for name in names:
            _, step = STEPS[name]
            with pytest.raises(KeyChanged):
                step(session, users)
    assert dump(desk) == before


def test_a_store_opened_for_reading_does_not_write(desk: Desk, users: dict[str, User]) -> None:
    """Without a sealer nothing can be recorded, so nothing can be changed."""
    before = dump(desk)
    store = SqliteStore(desk.store, desk.keys, origin=Origin("tester", "status"))
    with pytest.raises(RuntimeError):
        unlock(store, users["locked"])
    store.close()
    assert dump(desk) == before


def test_a_bug_in_a_step_is_not_hidden(desk: Desk, users: dict[str, User]) -> None:
    """A bug is not reported as a damaged store, and the step is rolled back."""

    def broken(transaction: Transaction) -> None:
        pin_steps.unlock(transaction, users["locked"], reason="r")
        raise KeyError("a bug")

    before = dump(desk)
    with desk.session() as session:
        with pytest.raises(KeyError):
            session.store.write(broken)
        assert session.store.people.find("locked") == [users["locked"]]
    assert dump(desk) == before


def test_a_step_waits_for_the_writer_lock_first(
    desk: Desk, users: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that does not get the writer lock in time changes nothing."""
    monkeypatch.setattr(locks, "LONGEST_WAIT", 0.1)
    before = dump(desk)
    with held_by_other(desk.store / "pincli.lock", 0), desk.session() as session:
        with pytest.raises(StoreUnavailable) as refusal:
            unlock(session.store, users["locked"])
        assert session.store.people.find("alice") == [users["alice"]]
    assert refusal.value.fault is Fault.BUSY
    assert dump(desk) == before
