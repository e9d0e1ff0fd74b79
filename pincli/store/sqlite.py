"""The store: every step that the operations take, each whole and durable when it returns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

from pincli.errors import Fault, PinChangedMeanwhile, StoreUnavailable, VerifyKeyUnknown
from pincli.models import Change, Event, EventKind, NewPin, State, User, UserType, Verdict
from pincli.rules.resets import reissued
from pincli.store import attempts, intake, listing, people, pins, trail
from pincli.store.attempts import Charged
from pincli.store.connection import DATABASE, SCHEMA_VERSION, connect, schema_version
from pincli.store.faults import translated
from pincli.store.intake import Fate
from pincli.store.locks import LOCK_FILE, Locks
from pincli.store.rows import find_user, find_users, user_in_row, users_in_rows
from pincli.store.staging import StagedRow
from pincli.store.trail import EventFilter, RawEvent, RecordMismatch
from pincli.store.transaction import Identity, Origin, Signer, Transaction, read_identity


class Store:
    """An open store. Its methods raise StoreUnavailable when the database can't do its part.

    Whatever changes one user runs inside `holding`, which takes the user's lock.
    """

    def __init__(
        self,
        folder: Path,
        *,
        origin: Origin,
        clock: Callable[[], str],
        read_only: bool = False,
    ) -> None:
        """Open the store in a folder, and bring an older schema up to date.

        Args:
            folder: Where `init` made it.
            origin: Who acts, and by which command.
            clock: Gives the present time, ISO 8601, UTC.
            read_only: Write nothing at all, not even the upgrade, and wait for nobody.

        Raises:
            StoreUnavailable: Missing, damaged, newer than this program, or forbidden.
        """
        self.path = folder / DATABASE
        self._origin = origin
        self._clock = clock
        self._signer: Signer | None = None
        self._lock_path = folder / LOCK_FILE
        self._locks: Locks | None = None
        self._connection = connect(self.path, read_only=read_only)
        try:
            version = schema_version(self._connection, self.path)
            if version < SCHEMA_VERSION and not read_only:
                self._migrate()
            with translated(self.path):
                identity = read_identity(self._connection)
            if identity is None:
                raise StoreUnavailable(Fault.NOT_A_STORE, self.path)
        except BaseException:
            self.close()
            raise
        self.identity: Identity = identity

    def close(self) -> None:
        """Close the database and the lock file."""
        self._connection.close()
        if self._locks is not None:
            self._locks.close()
            self._locks = None

    def sign_with(self, signer: Signer) -> None:
        """Give the store what signs its events; without it, the store is for reading."""
        self._signer = signer

    # Reading: no lock, no key.

    def find(self, user: str) -> User | None:
        """The user of that canonical name, or None."""
        with translated(self.path):
            return find_user(self._connection, user)

    def find_all(self, users: Sequence[str]) -> dict[str, User]:
        """Those of the canonical names that are users', by name."""
        with translated(self.path):
            return {user.user: user for user in find_users(self._connection, users)}

    def users_in(self, rows: Sequence[int]) -> list[User]:
        """The users in some rows, in storage order."""
        with translated(self.path):
            return users_in_rows(self._connection, rows)

    def rows_after(self, row: int, limit: int) -> list[int]:
        """The next row numbers of users above one, at most `limit`."""
        with translated(self.path):
            return listing.rows_after(self._connection, row, limit)

    def near_users(self, user: str) -> list[str]:
        """A few existing user names close to one that does not exist."""
        with translated(self.path):
            return people.near_users(self._connection, user)

    def near_accounts(self, account: str) -> list[str]:
        """A few existing account names close to one that does not exist."""
        with translated(self.path):
            return people.near_accounts(self._connection, account)

    def names_with_prefix(
        self, column: Literal["user", "account"], prefix: str, *, limit: int
    ) -> list[str]:
        """Names of users or of accounts for completion; see people.names_with_prefix."""
        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                return people.names_with_prefix(self._connection, column, prefix, limit=limit)
            finally:
                self._connection.execute("COMMIT")

    def account_exists(self, account: str) -> bool:
        """Whether any user belongs to the account."""
        with translated(self.path):
            return people.account_exists(self._connection, account)

    def user_pages(
        self,
        *,
        account: str | None = None,
        state: State | None = None,
        user_type: UserType | None = None,
    ) -> Iterator[list[User]]:
        """The users of an account, a state and a type, or of any, page by page."""
        with translated(self.path):
            yield from listing.user_pages(
                self._connection, account=account, state=state, user_type=user_type
            )

    def latest_locks(self, limit: int) -> list[User]:
        """The locked users, the latest lock first."""
        with translated(self.path):
            return listing.latest_locks(self._connection, limit)

    def totals(self, *, account: str | None = None) -> dict[State, int]:
        """How many users are in each state, all counted at one moment."""
        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                return listing.totals(self._connection, account=account)
            finally:
                self._connection.execute("COMMIT")

    def latest_events(
        self, wanted: EventFilter | None = None, *, user: str | None = None, limit: int
    ) -> Iterator[list[Event]]:
        """Up to `limit` events, newest first, page by page."""
        wanted = wanted or EventFilter(user=user)
        with translated(self.path):
            yield from trail.newest_first(self._connection, wanted, limit)

    def events_after(self, seq: int, wanted: EventFilter) -> list[Event]:
        """The next events above a number, oldest first, at most a page of them."""
        with translated(self.path):
            return trail.after(self._connection, seq, wanted)

    def raw_events_after(self, seq: int) -> list[RawEvent]:
        """The next event rows as they stand, for checking their macs."""
        with translated(self.path):
            return trail.raw_after(self._connection, seq)

    def trail_head(self) -> tuple[int, str]:
        """The last event's number and mac."""
        with translated(self.path):
            return trail.head(self._connection)

    def record_mismatches_after(self, row: int) -> tuple[int, list[RecordMismatch]]:
        """Compare a page of users with their last events; see trail.mismatches_after."""
        with translated(self.path):
            return trail.mismatches_after(self._connection, row)

    # Changing: each method is one transaction.

    @contextmanager
    def holding(self, user: User) -> Iterator[User]:
        """Hold the user's lock, and give the record as it is under it.

        An attempt that a dead process left open is closed first, as a miss.
        """
        with self._lock_file().user(user.id):
            with translated(self.path):
                now = user_in_row(self._connection, user.id)
            if now.open_attempt is not None:
                with self._writing() as transaction:
                    attempts.abandon(transaction, now.id)
                    now = transaction.user(now.id)
            yield now

    def charge(
        self, user: User, *, verify_keys: Collection[str], ticket: str | None
    ) -> Charged | Verdict:
        """Count an attempt, or give the verdict that there is nothing to compare.

        Args:
            user: Whose; the caller is `holding` it.
            verify_keys: Fingerprints of the keys that the caller can compare with.
            ticket: The ticket for the event.

        Raises:
            VerifyKeyUnknown: The verifier needs another key; nothing is charged.
        """
        with self._writing() as transaction:
            result = attempts.charge(transaction, user.id, ticket)
            if isinstance(result, Charged) and result.pin.verify_key not in verify_keys:
                raise VerifyKeyUnknown(result.pin.verify_key)
            return result

    def refuse_unless_active(self, user: User, *, ticket: str | None) -> Verdict | None:
        """Record and return the refusal if this user's state allows no attempt; else None."""
        with self._writing() as transaction:
            return attempts.refuse_unless_active(transaction, user.id, ticket)

    def settle(
        self, charged: Charged, *, matched: bool, renewed_verifier: str | None, ticket: str | None
    ) -> Verdict:
        """Close a charged attempt after its comparison; see attempts.settle."""
        with self._writing() as transaction:
            return attempts.settle(
                transaction,
                charged,
                matched=matched,
                renewed_verifier=renewed_verifier,
                ticket=ticket,
            )

    def set_pin(self, user: User, pin: NewPin, *, clear_counter: bool) -> User:
        """Write a PIN that was made for the version after the present one; see pins.set_pin."""
        with self._writing() as transaction:
            return pins.set_pin(transaction, user.id, pin, clear_counter=clear_counter)

    def note_shown(self, user: User) -> None:
        """Record a look at the PIN of that version; see pins.note_shown."""
        with self._writing() as transaction:
            pins.note_shown(transaction, user)

    def issue(self, user: User, pin: NewPin, *, unlock: bool, reason: str | None) -> Change:
        """Reset a user to a new PIN in one transaction.

        Raises:
            PinChangedMeanwhile: The version is no longer the one that it was made for.
        """
        counter = partial(reissued, unlock=unlock)
        changes = self.issue_many([(user.id, pin)], counter=counter, reason=reason)
        if not changes:
            raise PinChangedMeanwhile
        return changes[0]

    def issue_many(
        self,
        new_pins: Sequence[tuple[int, NewPin]],
        *,
        counter: Callable[[User], User],
        reason: str | None,
        batch: str | None = None,
    ) -> list[Change]:
        """Give users new PINs in one transaction; see pins.issue."""
        with self._writing() as transaction:
            return pins.issue(transaction, new_pins, counter=counter, reason=reason, batch=batch)

    def issued_in(self, batch: str, rows: Sequence[int]) -> set[int]:
        """Those of the rows that have got their PIN of a batch already."""
        with translated(self.path):
            return pins.issued_in(self._connection, batch, rows)

    def forget_batch(self, batch: str) -> None:
        """Drop the marks of a batch whose file is complete."""
        with self._writing() as transaction:
            pins.forget_batch(transaction, batch)

    def withdraw(self, users: Sequence[User], *, unlock: bool, reason: str | None) -> list[Change]:
        """Reset these users in one transaction; see pins.withdraw."""
        with self._writing() as transaction:
            rows = [user.id for user in users]
            return pins.withdraw(transaction, rows, unlock=unlock, reason=reason)

    def withdraw_rows(
        self, rows: Sequence[int], *, unlock: bool, reason: str | None
    ) -> list[Change]:
        """Reset the users in these rows in one transaction; see pins.withdraw."""
        with self._writing() as transaction:
            return pins.withdraw(transaction, rows, unlock=unlock, reason=reason)

    def unlock(self, user: User, *, reason: str) -> User:
        """Release a lock; see pins.unlock."""
        with self._writing() as transaction:
            return pins.unlock(transaction, user.id, reason)

    def add_user(self, user: str, account: str, name: str, user_type: UserType) -> User:
        """Add an active user without a PIN; Refused if there is one of that name."""
        with self._writing() as transaction:
            return people.add_user(transaction, user, account, name, user_type)

    def set_active(self, user: User, *, active: bool, reason: str | None) -> User:
        """Activate or deactivate a user; see people.set_active."""
        (change,) = self.set_active_rows([user.id], active=active, reason=reason)
        return change.after

    def set_active_rows(
        self, rows: Sequence[int], *, active: bool, reason: str | None
    ) -> list[Change]:
        """Activate or deactivate users in one transaction; see people.set_active."""
        with self._writing() as transaction:
            return people.set_active(transaction, rows, active=active, reason=reason)

    def take_in(self, rows: Sequence[StagedRow], *, allow_move: bool) -> list[Fate]:
        """Add and update users in one transaction; see intake.take_in."""
        with self._writing() as transaction:
            return intake.take_in(transaction, rows, allow_move=allow_move)

    def prepare_for_bulk(self) -> None:
        """Let a chunk's pages wait in memory for its commit.

        Spilled earlier, they would hold the exclusive lock, which readers wait for.
        """
        with translated(self.path):
            self._connection.execute("PRAGMA cache_spill = OFF")

    def record(
        self,
        kind: EventKind,
        user: User | None = None,
        *,
        name: str | None = None,
        outcome: str | None = None,
        reason: str | None = None,
        ticket: str | None = None,
    ) -> None:
        """Record an event that changes nothing else: a view, a refusal, an unknown user."""
        with self._writing() as transaction:
            transaction.record(kind, user, name=name, outcome=outcome, reason=reason, ticket=ticket)

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        """One write transaction under the writer lock, committed and durable at its end."""
        if self._signer is None:
            raise RuntimeError("a store opened for reading was asked to write")
        with self._lock_file().writer(), translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                identity = read_identity(self._connection)
                if identity is None or identity.audit_key != self._signer.fingerprint:
                    raise StoreUnavailable(Fault.KEY_CHANGED, self.path)
                yield Transaction(
                    self._connection, identity, self._signer, self._origin, self._clock()
                )
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _migrate(self) -> None:
        from pincli.store.schema import migrate

        with self._lock_file().writer(), translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                migrate(self._connection)
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _lock_file(self) -> Locks:
        if self._locks is None:
            self._locks = Locks(self._lock_path)
        return self._locks
