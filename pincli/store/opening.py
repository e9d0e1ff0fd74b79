"""An open database, with its identity and its locks; brought up to date when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pincli.errors import StoreUnavailable
from pincli.models import Fault, User
from pincli.store.connection import (
    BUSY_SECONDS,
    DATABASE,
    SCHEMA_VERSION,
    connect,
    schema_version,
    use_rollback_journal,
)
from pincli.store.faults import translated
from pincli.store.locks import LOCK_FILE, Locks
from pincli.store.transaction import Identity, Origin, read_identity

_NOTICEABLE = 0.1


class OpenStore:
    """What every store is: open, known, and lockable. Reading and writing build on it.

    Attributes:
        locks_recorded: The users whose lock was recorded through this store, for whoever is
            to be told now that it is durable.
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
        self.locks_recorded: list[User] = []
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

    def _migrate(self) -> None:
        from pincli.store.schema import migrate

        with self._immediately():
            migrate(self._connection)

    def _lock_file(self) -> Locks:
        if self._locks is None:
            self._locks = Locks(self._lock_path)
        return self._locks


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file lies there, by device and number; None if there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
