"""A store in a folder: opening it, reading, and one write transaction at a time.

What writes is imported at the first write, or by `prepare_to_write` before it: a caller waits for
every import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pincli.errors import StoreBusy, StoreTampered, StoreUnavailable
from pincli.models import EventKind, Fault, Identity, NewEvent, Origin, Start, TrailEvent
from pincli.store.sql.store import SqlStore
from pincli.store.sqlite import schema_check
from pincli.store.sqlite.connection import (
    BUSY_SECONDS,
    DATABASE,
    SCHEMA_VERSION,
    connect,
    fetched,
    newest,
    read_store,
    schema_version,
    use_rollback_journal,
)
from pincli.store.sqlite.errors import translated
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks
from pincli.store.sqlite.people import SqlitePeople

if TYPE_CHECKING:
    from pincli.store.contract import Attempts, P, Step, T
    from pincli.store.mark import Mark, Seen
    from pincli.store.sql.rows import Row
    from pincli.store.sql.tables import Table
    from pincli.store.sqlite.transaction import SqliteTransaction

_NOTICEABLE = 0.1  # seconds
_LAST_EVENT = "SELECT kind, note FROM trail ORDER BY number DESC LIMIT 1"
_OLD_TRAIL = "SELECT 1 FROM sqlite_master WHERE name = 'old_events'"


class SqliteStore(SqlStore):
    """contract.Store in a folder."""

    all_seal = True
    functions: Attempts | None = None

    def __init__(
        self,
        folder: Path,
        marks: Path,
        *,
        origin: Origin,
        read_only: bool = False,
        even_closed: bool = False,
    ) -> None:
        """Open the store in a folder; see open_store.

        Raises:
            StoreUnavailable: It is missing, damaged, forbidden, of another version, or moved.
            StoreTampered: The schema is not the one that pincli made.
        """
        self.path = folder / DATABASE
        self._marks = marks
        self._mark: Mark | None = None
        self._origin = origin
        self._lock_path = folder / LOCK_FILE
        self._locks: Locks | None = None
        self._busy_timeout = BUSY_SECONDS
        self._file = _file_at(self.path)
        self._connection = connect(self.path, read_only=read_only)
        try:
            version = schema_version(self._connection, self.path)
            if not read_only:
                use_rollback_journal(self._connection, self.path)
            if version < SCHEMA_VERSION:
                raise StoreUnavailable(Fault.OLD_SCHEMA, self.path, f"schema {version}")
            with translated(self.path):
                self._connection.execute("BEGIN")
                try:
                    self._cookie = self._require_own_schema()
                    self._has_old_trail = bool(self._connection.execute(_OLD_TRAIL).fetchall())
                finally:
                    self._connection.execute("COMMIT")
            self.identity()
            if not even_closed:
                self._require_open()
        except BaseException:
            self.close()
            raise
        self.people = SqlitePeople(self._rows, self.at_one_moment, records=self._records)

    def identity(self) -> Identity:
        """The store's id and the keys that count now."""
        with translated(self.path):
            return read_store(self._connection, self.path)[0]

    def write(self, step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Take a step in one transaction under the writer lock, durable when this returns."""
        if self._sealers is None:
            raise RuntimeError("a store opened for reading was asked to write")
        self.prepare_to_write()
        from pincli.store.sqlite.transaction import SqliteTransaction

        locks = self._lock_file()
        with locks.writer(), translated(self.path):
            with self._committed(locks):
                if schema_check.cookie(self._connection) != self._cookie:
                    self._cookie = self._require_own_schema()
                transaction = SqliteTransaction(
                    self._connection, self.path, sealers=self._sealers, origin=self._origin
                )
                self._require_open()
                before = transaction.head
                mark = self._mark_of(transaction)
                result = step(transaction, *args, **kwargs)
            # After the commit: the mark may lag the store, never lead it.
            if mark is not None and transaction.head != before:
                mark.write(self._seen(*transaction.head))
        return result

    def write_at_once(self, step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, if nobody else is writing now."""
        with self._lock_file().without_waiting():
            return self.write(step, *args, **kwargs)

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Defer signals that would stop or end the process, from the first write to the end."""
        with self._lock_file().deferring_signals():
            yield

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Answer all questions inside as of one moment; writers wait meanwhile."""
        with translated(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def require_seen(self) -> bool:
        """Compare the store with this host's mark; return whether there is one."""
        from pincli.store.mark import NOWHERE, Mark, place_of
        from pincli.store.sql.rollback import require_seen

        with translated(self.path):
            identity, start = read_store(self._connection, self.path)
            mark = Mark.open(self._marks, bytes.fromhex(identity.store_id))
            if mark is None:
                return False
            with closing(mark):
                seen = mark.read()
            if seen is not None:
                if seen.place == NOWHERE and self.moved_to() is not None:
                    # The store says that it is closed: only its trail is compared.
                    seen = seen._replace(place=place_of(self.path))
                head = newest(self._connection, start)
                is_sealed = self._seals(identity.store_id)
                require_seen(seen, self._seen(*head[:2]), self._rows, self.path, is_sealed)
            return seen is not None

    def moved_to(self) -> str | None:
        """The server that the store was moved to, as its last event says."""
        found = self._rows(_LAST_EVENT)
        return found[0][1] if found and found[0][0] == EventKind.MOVED else None

    def tables(self) -> tuple[Table, ...]:
        """The tables that a move copies."""
        from pincli.store.sql.tables import OLD_EVENTS, TABLES

        return (*TABLES, OLD_EVENTS) if self._has_old_trail else TABLES

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        ((count,),) = self._rows(f"SELECT count(*) FROM {table.name}")
        return int(count)

    def pages(self, table: Table) -> Iterator[list[Row]]:
        """The rows of a table, including what an open transaction has written."""
        from pincli.store.sql.tables import pages

        return pages(self._rows, table)

    def note_moved(self) -> None:
        """Write into this host's mark that the store is on a server now."""
        from pincli.store.mark import NOWHERE, Mark, Seen

        mark = Mark.open(self._marks, bytes.fromhex(self.identity().store_id))
        if mark is not None:
            with closing(mark):
                mark.write_durably(Seen(*self.trail.head(), 0, NOWHERE))

    @contextmanager
    def soundness(self) -> Iterator[Callable[[], bool]]:
        """Start checking in a private copy whether SQLite finds the database intact."""
        from pincli.store.sqlite.copies import private_copy, soundness
        from pincli.store.sqlite.temporary_files import remove_leftovers

        remove_leftovers(self.path.parent)
        with (
            private_copy(self._connection, self.path, self._lock_file().writer) as copy,
            soundness(copy, self.path) as is_sound,
        ):
            yield is_sound

    @contextmanager
    def maintained(self) -> Iterator[None]:
        """Keep other key rotations and restores out."""
        with self._lock_file().maintenance():
            yield

    def prepare_to_write(self) -> None:
        """Import what a write needs, before it takes a lock."""
        import pincli.store.sql.rollback
        import pincli.store.sqlite.transaction  # noqa: F401

    def prepare_for_bulk(self) -> None:
        """Keep a chunk's pages in memory until its commit.

        Writing them earlier would take the exclusive lock, which readers wait for.
        """
        with translated(self.path):
            self._connection.execute("PRAGMA cache_spill = OFF")

    def close(self) -> None:
        """Close the database, the lock file and the mark."""
        self._connection.close()
        if self._locks is not None:
            self._locks.close()
            self._locks = None
        if self._mark is not None:
            self._mark.close()
            self._mark = None

    @contextmanager
    def _committed(self, locks: Locks) -> Iterator[None]:
        """BEGIN IMMEDIATE, and at the end a durable commit.

        Raises:
            StoreUnavailable: The database was removed or exchanged since it was opened. Writes
                would be lost, and SQLite would put the old one's journal next to the new one.
        """
        file = _file_at(self.path)
        if file != self._file:
            raise StoreUnavailable(Fault.REPLACED if file else Fault.MISSING, self.path)
        self._patiently("BEGIN IMMEDIATE", locks)
        try:
            yield
            self._commit(locks)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _commit(self, locks: Locks) -> None:
        try:
            with translated(self.path):
                self._patiently("COMMIT", locks)
        except StoreUnavailable as error:
            # If another process held the database, nothing was written; otherwise nobody knows.
            error.unsure = not isinstance(error, StoreBusy)
            raise
        locks.renew_patience()

    def _patiently(self, statement: str, locks: Locks) -> None:
        """Run a statement that waits for others, within the patience that is left."""
        with locks.waiting() as left:
            if abs(left - self._busy_timeout) > _NOTICEABLE:
                self._connection.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}").fetchall()
                self._busy_timeout = left
            self._connection.execute(statement)

    def _mark_of(self, transaction: SqliteTransaction) -> Mark | None:
        """This host's mark, if the store agrees with it; None if no mark can be kept.

        Raises:
            StoreRolledBack: The store is older than the mark, or another.
            StoreUnavailable: It is at another place than the mark's.
        """
        from pincli.store.mark import Mark
        from pincli.store.sql.rollback import require_seen

        if self._mark is None:
            store_id = bytes.fromhex(transaction.identity.store_id)
            self._mark = Mark.open(self._marks, store_id) or Mark.make(self._marks, store_id)
        if self._mark is None:
            return None
        seen = self._mark.read()
        if seen is None:
            transaction.save([NewEvent(EventKind.MARKED)])
        else:
            is_sealed = self._seals(transaction.identity.store_id)
            present = self._seen(*transaction.head)
            require_seen(seen, present, transaction.rows, self.path, is_sealed)
        return self._mark

    def _seen(self, number: int, link: bytes) -> Seen:
        from pincli.store.mark import Seen, place_of

        return Seen(number, link, 0, place_of(self.path))

    def _seals(self, store_id: str) -> Callable[[TrailEvent | Start], bool]:
        """Tells whether an event's seal is right; without keys, every seal counts as right."""

        def is_sealed(event: TrailEvent | Start) -> bool:
            return self._sealers is None or self._sealers.accept(
                event.seal, lambda by: by.seal_trail(store_id, event.number, event.link)
            )

        return is_sealed

    def _require_open(self) -> None:
        server = self.moved_to()
        if server is not None:
            raise StoreUnavailable(Fault.CLOSED, self.path, server)

    def _require_own_schema(self) -> int:
        """Require the schema that pincli made; return its cookie."""
        cookie = schema_check.cookie(self._connection)
        foreign = schema_check.foreign(self._connection, SCHEMA_VERSION)
        if foreign is not None:
            raise StoreTampered(self.path, foreign)
        return cookie

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

    def _records(
        self, query: str, parameters: Sequence[Any], make: Callable[[Sequence[Any]], Any]
    ) -> list[Any]:
        """The same for users' whole rows, in which `make` finds text that is not UTF-8."""
        with translated(self.path):
            return [make(row) for row in fetched(self._connection, query, parameters)]


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file has that name, by device and number; None if there is none."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
