"""A store in a folder: opening it, reading, and one write transaction at a time.

What only some commands read is imported in its property: a caller waits for every import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pincli.errors import KeyChanged, StoreUnavailable
from pincli.models import Fault, Identity, Origin, User
from pincli.store.contract import P, Signer, Step, T
from pincli.store.signing import Signers
from pincli.store.sql.people import SqlPeople
from pincli.store.sqlite.connection import (
    BUSY_SECONDS,
    DATABASE,
    SCHEMA_VERSION,
    connect,
    schema_version,
    use_rollback_journal,
    utc_now,
)
from pincli.store.sqlite.errors import translated
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks
from pincli.store.sqlite.transaction import SqliteTransaction, read_identity

if TYPE_CHECKING:
    from pincli.store.sql.signs import SqlSigns
    from pincli.store.sql.trail import SqlTrail


_NOTICEABLE = 0.1  # seconds


class SqliteStore:
    """contract.Store in a folder."""

    def __init__(
        self,
        folder: Path,
        *,
        origin: Origin,
        read_only: bool = False,
    ) -> None:
        """Open the store in a folder, and bring an older schema up to date.

        Args:
            folder: Where `init` made it.
            origin: Who acts, and by which command.
            read_only: Write nothing at all, not even the upgrade, and wait for nobody.

        Raises:
            StoreUnavailable: Missing, damaged, newer than this program, or forbidden.
        """
        self.path = folder / DATABASE
        self.locks_recorded: list[User] = []
        self._origin = origin
        self._signers: Signers | None = None
        self._lock_path = folder / LOCK_FILE
        self._locks: Locks | None = None
        self._busy_timeout = BUSY_SECONDS
        self._file = _file_at(self.path)
        self._connection = connect(self.path, read_only=read_only)
        try:
            version = schema_version(self._connection, self.path)
            if not read_only:
                use_rollback_journal(self._connection, self.path)
            if version < SCHEMA_VERSION and not read_only:
                self._migrate()
            self.identity()
        except BaseException:
            self.close()
            raise
        self.people = SqlPeople(self._rows, self._at_one_moment)

    @cached_property
    def trail(self) -> SqlTrail:
        """Questions about events."""
        from pincli.store.sql.trail import SqlTrail

        return SqlTrail(self._rows)

    @cached_property
    def signs(self) -> SqlSigns:
        """Questions about attacks."""
        from pincli.store.sql.signs import SqlSigns

        return SqlSigns(self._rows)

    def identity(self) -> Identity:
        """The store's id and the keys that count now."""
        with translated(self.path):
            identity = read_identity(self._connection)
        if identity is None:
            raise StoreUnavailable(Fault.NOT_A_STORE, self.path)
        return identity

    def sign_with(self, signer: Signer, find: Callable[[str], Signer]) -> None:
        """Give the store what signs its events; without it, it is for reading."""
        self._signers = Signers(signer, find)

    def write(self, step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Take a step in one transaction under the writer lock, durable when this returns."""
        if self._signers is None:
            raise RuntimeError("a store opened for reading was asked to write")
        with self._immediately():
            identity = read_identity(self._connection)
            if identity is None:
                raise KeyChanged
            transaction = SqliteTransaction(
                self._connection,
                identity=identity,
                signer=self._signers.of(identity.audit_key),
                origin=self._origin,
                at=utc_now(),
            )
            result = step(transaction, *args, **kwargs)
        self.locks_recorded += transaction.locks
        return result

    @contextmanager
    def holding(self, row: int) -> Iterator[None]:
        """Hold the lock of the user in this row: others who take it wait."""
        with self._lock_file().user(row):
            yield

    @contextmanager
    def maintained(self) -> Iterator[None]:
        """Keep other key rotations and restores out."""
        with self._lock_file().maintenance():
            yield

    def prepare_for_bulk(self) -> None:
        """Let a chunk's pages wait in memory for its commit.

        Spilled earlier, they would hold the exclusive lock, which readers wait for.
        """
        with translated(self.path):
            self._connection.execute("PRAGMA cache_spill = OFF")

    def close(self) -> None:
        """Close the database and the lock file."""
        self._connection.close()
        if self._locks is not None:
            self._locks.close()
            self._locks = None

    @contextmanager
    def _immediately(self) -> Iterator[None]:
        """BEGIN IMMEDIATE under the writer lock; committed and durable at its end.

        Raises:
            StoreUnavailable: The database is gone, or another took its place, since it was opened.
                What was written into the old one would be lost, and SQLite would lay its
                journal beside the new one, as if it belonged to that.
        """
        locks = self._lock_file()
        with locks.writer(), translated(self.path):
            file = _file_at(self.path)
            if file != self._file:
                raise StoreUnavailable(Fault.REPLACED if file else Fault.MISSING, self.path)
            self._patiently("BEGIN IMMEDIATE", locks)
            try:
                yield
                self._patiently("COMMIT", locks)
                locks.renew_patience()
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _patiently(self, statement: str, locks: Locks) -> None:
        """Run a statement that waits for others, for as long as the command still may."""
        with locks.waiting() as left:
            if abs(left - self._busy_timeout) > _NOTICEABLE:
                self._connection.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}").fetchall()
                self._busy_timeout = left
            self._connection.execute(statement)

    @contextmanager
    def _at_one_moment(self) -> Iterator[None]:
        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def _migrate(self) -> None:
        from pincli.store.sqlite.schema import migrate

        with self._immediately():
            migrate(self._connection)

    def _lock_file(self) -> Locks:
        if self._locks is None:
            self._locks = Locks(self._lock_path)
        return self._locks

    def _rows(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        make: Callable[[Sequence[Any]], Any] | None = None,
    ) -> list[Any]:
        with translated(self.path):
            found = self._connection.execute(query, parameters).fetchall()
            return found if make is None else [make(row) for row in found]


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file has that name, by device and number; None if there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
