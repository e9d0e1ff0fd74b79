"""The store: every step that the operations take, each whole and durable when it returns.

What only some commands do is imported in its method: a caller waits for every import.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pincli.errors import KeyChanged, PinChangedMeanwhile, VerifyKeyUnknown
from pincli.models import Change, EventKind, NewPin, User, UserType, Verdict
from pincli.rules.resets import reissued
from pincli.rules.states import may_have_pin
from pincli.store import attempts
from pincli.store.attempts import Charged, RenewedVerifier
from pincli.store.faults import translated
from pincli.store.reading import ReadableStore
from pincli.store.rows import user_in_row
from pincli.store.signing import Signers
from pincli.store.transaction import NewEvent, Signer, Transaction, read_identity

if TYPE_CHECKING:
    from pincli.results import Restored
    from pincli.store.intake import Fate
    from pincli.store.rotation import Resealed
    from pincli.store.staging import StagedRow


class Store(ReadableStore):
    """An open store. Its methods raise StoreUnavailable when the database can't do its part.

    Each method here is one transaction. Whatever changes one user runs inside `holding`,
    which takes the user's lock.
    """

    _signers: Signers | None = None

    def sign_with(self, signer: Signer, find: Callable[[str], Signer] | None = None) -> None:
        """Give the store what signs its events, see Signers; without it, it is for reading."""
        self._signers = Signers(signer, find)

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
        self,
        charged: Charged,
        *,
        matched: bool,
        renewed: RenewedVerifier | None,
        ticket: str | None,
    ) -> Verdict:
        """Close a charged attempt after its comparison; see attempts.settle."""
        with self._writing() as transaction:
            return attempts.settle(
                transaction,
                charged,
                matched=matched,
                renewed=renewed,
                ticket=ticket,
            )

    def set_pin(self, user: User, pin: NewPin, *, clear_counter: bool) -> User:
        """Write a PIN that was made for the version after the present one; see pins.set_pin."""
        from pincli.store import pins

        with self._writing() as transaction:
            return pins.set_pin(transaction, user.id, pin, clear_counter=clear_counter)

    def note_shown(self, user: User) -> None:
        """Record a look at the PIN of that version; see pins.note_shown."""
        from pincli.store import pins

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
        wanted: Callable[[User], bool] = may_have_pin,
        counter: Callable[[User], User],
        reason: str | None,
    ) -> list[Change]:
        """Give users new PINs in one transaction; see pins.issue."""
        from pincli.store import pins

        with self._writing() as transaction:
            return pins.issue(transaction, new_pins, wanted=wanted, counter=counter, reason=reason)

    def withdraw(self, users: Sequence[User], *, unlock: bool, reason: str | None) -> list[Change]:
        """Reset these users in one transaction; see pins.withdraw."""
        from pincli.store import pins

        with self._writing() as transaction:
            rows = [user.id for user in users]
            return pins.withdraw(transaction, rows, unlock=unlock, reason=reason)

    def withdraw_rows(
        self, rows: Sequence[int], *, unlock: bool, reason: str | None
    ) -> list[Change]:
        """Reset the users in these rows in one transaction; see pins.withdraw."""
        from pincli.store import pins

        with self._writing() as transaction:
            return pins.withdraw(transaction, rows, unlock=unlock, reason=reason)

    def unlock(self, user: User, *, reason: str) -> User:
        """Release a lock; see pins.unlock."""
        from pincli.store import pins

        with self._writing() as transaction:
            return pins.unlock(transaction, user.id, reason)

    def add_user(self, user: str, account: str, name: str, user_type: UserType) -> User:
        """Add an active user without a PIN; Refused if there is one of that name."""
        from pincli.store import people

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
        from pincli.store import people

        with self._writing() as transaction:
            return people.set_active(transaction, rows, active=active, reason=reason)

    def take_in(self, rows: Sequence[StagedRow], *, allow_move: bool) -> list[Fate]:
        """Add and update users in one transaction; see intake.take_in."""
        from pincli.store import intake

        with self._writing() as transaction:
            return intake.take_in(transaction, rows, allow_move=allow_move)

    def back_up(self, path: Path) -> None:
        """Copy the whole store into a new file; writers wait while its pages are copied."""
        from pincli.store import copies

        copies.back_up(self._connection, path, self._lock_file().writer())

    def replace_with(self, candidate: Path, *, reason: str, keys: Mapping[str, str]) -> Restored:
        """Put the checked rows of a backup in this store's place; see restoring.replace."""
        from pincli.store import restoring

        restorer = restoring.Restorer(self._signing().of, self._origin, self._clock(), reason, keys)
        with self._lock_file().writer():
            return restoring.replace(self._connection, self.path, candidate, restorer)

    @contextmanager
    def maintained(self) -> Iterator[None]:
        """Keep other key rotations and restores out."""
        with self._lock_file().maintenance():
            yield

    def name_key(self, kind: str, fingerprint: str) -> None:
        """Say that another key counts from now on; see rotation.name_key."""
        from pincli.store import rotation

        with self._writing() as transaction:
            rotation.name_key(transaction, kind, fingerprint)

    def reseal(self, resealed: Sequence[Resealed]) -> int:
        """Write PINs sealed anew in one transaction; see rotation.reseal."""
        from pincli.store import rotation

        with self._writing() as transaction:
            return rotation.reseal(transaction, resealed)

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

    def record_unknown(self, names: Sequence[str], *, outcome: str, ticket: str | None) -> None:
        """Record in one transaction that somebody asked for unknown users; names are masked."""
        with self._writing() as transaction:
            transaction.record_all(
                NewEvent(EventKind.REFUSED, name=name, outcome=outcome, ticket=ticket)
                for name in names
            )

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        """One write transaction under the writer lock, committed and durable at its end."""
        signers = self._signing()
        locks: list[User] = []
        with self._immediately():
            identity = read_identity(self._connection)
            if identity is None:
                raise KeyChanged
            signer = signers.of(identity.audit_key)
            yield Transaction(
                self._connection, identity, signer, self._origin, self._clock(), locks
            )
        self.locks_recorded += locks

    def _signing(self) -> Signers:
        if self._signers is None:
            raise RuntimeError("a store opened for reading was asked to write")
        return self._signers
