"""A store on a server: reading, and steps in short transactions.

Modules that only some commands need are imported where they are used: callers wait for imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate

from pincli.errors import StoreTampered, StoreUnavailable
from pincli.models import EventKind, Fault, Head, Identity, NewEvent, Origin, User
from pincli.store.location import Server
from pincli.store.mark import Seen
from pincli.store.postgresql.attempts import FunctionAttempts
from pincli.store.postgresql.client import Client, mark_at, require_committed, without_retries
from pincli.store.postgresql.connection import LONGEST_WAIT, Connection
from pincli.store.postgresql.dialect import translated_sql
from pincli.store.postgresql.errors import translated
from pincli.store.postgresql.tables import SCHEMA
from pincli.store.postgresql.transaction import (
    PLANNING,
    PostgresTransaction,
    begin,
    lock_timeout,
)
from pincli.store.sealing import Sealers
from pincli.store.sql.people import SqlPeople
from pincli.store.sql.rollback import require_seen
from pincli.store.sql.rows import USER_COLUMNS, placeholders
from pincli.store.sql.store import SqlStore

if TYPE_CHECKING:
    from pincli.rules.words import Sought
    from pincli.store.contract import P, Step, T
    from pincli.store.opening import ConnectionCache

_SHORT_WAIT = 2.0
"""Seconds to wait for a store that is opened only for reading."""
_SNAPSHOT = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_IDENTITY = "SELECT store_id, verify_key, audit_key, portal_key FROM store"
_HEAD = (
    "SELECT head_number, head_link, epoch, (head_number, head_link) = "
    "(SELECT number, link FROM trail ORDER BY number DESC LIMIT 1) FROM store"
)
# The database says which columns the login may not read.
_OPENING = (
    "SELECT schema, store_id, verify_key, audit_key, portal_key, "
    "to_regclass('pincli.old_events') IS NOT NULL, "
    "ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = 'pincli.people'::regclass "
    "AND attnum > 0 AND NOT has_column_privilege(attrelid, attnum, 'SELECT')), "
    "id = 1 AND store_id ~ '^[0-9a-f]{32}$' AND num_nulls(schema, verify_key, audit_key, "
    "portal_key, epoch, start_number, start_link, start_seal, head_number, head_link) = 0 "
    "FROM pincli.store"
)
# Only admins may take this lock, nothing else needs it, and it ends with the process.
_MAINTENANCE = "LOCK TABLE pincli.notices IN SHARE UPDATE EXCLUSIVE MODE"
_WITH_WORDS = "SELECT id FROM words WHERE folded @@ ?::tsquery LIMIT ?"
_NO_IDLE_TIMEOUT = "SELECT set_config('idle_in_transaction_session_timeout', '0', true)"


class PostgresPeople(SqlPeople):
    """contract.People on PostgreSQL."""

    def find(self, login: str, account: str | None = None) -> list[User]:
        """Return the users with that canonical login, by one query."""
        if account is None:
            return self.named([login])
        found = self._users("WHERE login = ? AND account = ?", (login, account))
        return [user for user in found if (user.login, user.account) == (login, account)]

    def named(self, logins: Sequence[str], spoilt: list[str] | None = None) -> list[User]:
        """Return the users with these canonical logins, by one query.

        No index holds a whole record, so the logins compared are those of the rows.
        """
        if not logins:
            return []
        wanted = set(logins)
        found = self._users(f"WHERE login IN ({placeholders(logins)}) ORDER BY id", logins, spoilt)
        return [user for user in found if user.login in wanted]

    def with_words(self, sought: Sequence[Sought], limit: int) -> list[int]:
        """Return the rows of users who have all of these words, at most `limit`."""
        words = (
            " | ".join(f"'{spelling}'{'' if whole else ':*'}" for spelling in spellings)
            for spellings, whole in sought
        )
        wanted = " & ".join(f"({word})" for word in words)
        return [row for (row,) in self._rows(_WITH_WORDS, (wanted, limit))]


class PostgresStore(SqlStore):
    """contract.Store on a server."""

    all_seal = False

    def __init__(
        self,
        server: Server,
        marks: Path,
        *,
        origin: Origin,
        read_only: bool = False,
        cache: ConnectionCache | None = None,
    ) -> None:
        """Open the store. With `read_only`, write nothing and hardly wait.

        Raises:
            StoreUnavailable: There is no connection, no store, or a store of another version.
        """
        self.path = server
        self._snapshot: Connection | None = None
        patience = _SHORT_WAIT if read_only else LONGEST_WAIT
        self._client = Client(server, marks, origin=origin, patience=patience, cache=cache)
        try:
            found = self._rows(_OPENING)
            if len(found) != 1:
                raise StoreUnavailable(Fault.NO_SCHEMA, server, "init has not been run")
            schema, *names, self._has_old_trail, unreadable, is_whole = found[0]
            if not is_whole:
                raise StoreTampered(server, "the store's own row was changed")
            if schema != SCHEMA:
                fault = Fault.OLD_SCHEMA if schema < SCHEMA else Fault.NEWER
                raise StoreUnavailable(fault, server, f"schema {schema}")
        except BaseException:
            self.close()
            raise
        self._identity_at_opening: Identity | None = Identity(*names)
        self._store_id = names[0]
        columns = [f"NULL AS {each}" if each in unreadable else each for each in USER_COLUMNS]
        user = ", ".join(columns)
        self.people = PostgresPeople(self._rows, self.at_one_moment, user=user)
        self.functions = FunctionAttempts(self._client, self._store_id, user)

    def identity(self) -> Identity:
        """Return the store's id and present keys; the first call takes them from the opening."""
        if self._identity_at_opening is not None:
            identity, self._identity_at_opening = self._identity_at_opening, None
            return identity
        (found,) = self._rows(_IDENTITY)
        return Identity(*found)

    def write(self, step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step in one transaction, durable on return."""
        return self._client.with_retries(lambda: self._run_step(step, args, kwargs))

    def write_at_once(self, step: Step[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step as `write` does, if nobody else is writing now."""
        return self._client.with_retries(lambda: self._run_step(step, args, kwargs, waits=False))

    def write_in_restore(
        self,
        step: Callable[Concatenate[PostgresTransaction, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a step as `write` does, but ignore this host's mark, since a restore clears it."""
        return self._client.with_retries(lambda: self._run_step(step, args, kwargs, marks=False))

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Defer signals, from the first write inside to the end of this block."""
        with self._client.signals.deferred_to_the_end():
            yield

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Answer all queries inside from one snapshot; nobody waits meanwhile."""
        with without_retries(self.path), self._client.connection() as connection:
            connection.execute(_SNAPSHOT)
            connection.execute(PLANNING)
            self._snapshot = connection
            try:
                yield
            finally:
                self._snapshot = None

    def require_seen(self) -> bool:
        """Compare the store with this host's mark. Return whether there is a mark."""
        number, link, epoch, is_the_end = self._rows(_HEAD)[0]
        if not is_the_end:
            raise StoreTampered(self.path, f"the trail does not end at event {number}")
        seen = self._client.read_mark(self._store_id)
        if seen is not None:
            self._compare(seen, mark_at(Head(number, link), epoch), self._rows)
        return seen is not None

    def begin_epoch(self) -> None:
        """Begin a new epoch, so that all hosts may write again: the last step of a restore."""
        seen = self._client.read_or_make_mark(self._store_id)

        def step(transaction: PostgresTransaction) -> tuple[Head, int]:
            epoch = transaction.epoch + 1
            mark = "" if seen is None else f"mark {Head(seen.number, seen.link)}, "
            transaction.save([NewEvent(EventKind.RESTORED, note=f"{mark}epoch {epoch}")])
            transaction.run("UPDATE store SET epoch = ?", (epoch,))
            # A restored server counts its transactions from an earlier number on.
            transaction.run("DELETE FROM nonces", ())
            return transaction.head, epoch

        head, epoch = self.write_in_restore(step)
        self._client.advance_mark(head, epoch, restored=True)

    @contextmanager
    def soundness(self) -> Iterator[Callable[[], bool]]:
        """Do nothing: the server checks its own files."""
        yield lambda: True

    @contextmanager
    def maintained(self) -> Iterator[None]:
        """Keep other key rotations and restores out, by a lock that ends with this process.

        A connection of its own holds the lock, since everything else commits meanwhile.
        """
        with without_retries(self.path), closing(self._client.new_connection()) as connection:
            timeout = f"SET LOCAL lock_timeout = '{lock_timeout(connection)}ms'"
            for statement in ("BEGIN", _NO_IDLE_TIMEOUT, timeout, _MAINTENANCE):
                connection.execute(statement.encode())
            yield
            connection.patience = LONGEST_WAIT
            connection.execute(b"COMMIT")

    def prepare_to_write(self) -> None:
        """Do nothing: everything is imported already."""

    def prepare_for_bulk(self) -> None:
        """Do nothing: the server manages its own memory."""

    def close(self) -> None:
        """Close or cache the connection, and close the mark."""
        self._client.close()

    def _run_step(
        self,
        step: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        waits: bool = True,
        marks: bool = True,
    ) -> T:
        """Run a step once.

        `waits` is about others' locks. With `marks`, compare the store with this host's mark, and
        advance the mark.

        Raises:
            Retry: The database undid it.
            StoreUnavailable: Nothing is written; or that is unknown, if it is `unsure`.
        """
        if self._sealers is None:
            raise RuntimeError("a store opened for reading was asked to write")
        committing = False
        # Before the transaction: other processes of this host advance the mark too.
        seen = self._client.read_or_make_mark(self._store_id) if marks else None
        try:
            with self._client.signals.in_transaction(), self._client.connection() as connection:
                transaction = self._begin(connection, self._sealers, waits=waits)
                if seen is not None:
                    now = mark_at(transaction.head_at_first, transaction.epoch)
                    self._compare(seen, now, transaction.rows)
                result = step(transaction, *args, **kwargs)
                if marks and seen is None and self._client.keeps_mark:
                    transaction.save([NewEvent(EventKind.MARKED)])
                head = transaction.end()
                connection.in_doubt, committing = "", True
                commit = connection.execute(b"COMMIT")
        except StoreUnavailable as error:
            error.unsure = committing and error.fault is Fault.LOST
            raise
        require_committed(connection, commit, self.path)
        # After the commit: the mark may lag behind the store, but never lead it.
        if marks and head is not None:
            self._client.advance_mark(head, transaction.epoch)
        return result

    def _begin(
        self, connection: Connection, sealers: Sealers, *, waits: bool
    ) -> PostgresTransaction:
        """Begin a transaction, if the store is still the one that was opened."""
        facts = begin(connection, self.path)
        if facts.identity.store_id != self._store_id:
            raise StoreUnavailable(Fault.REPLACED, self.path)
        return PostgresTransaction(
            connection,
            self.path,
            facts,
            sealers=sealers,
            origin=self._client.origin,
            waits=waits,
            locked=self._client.signals.defer,
        )

    def _compare(self, seen: Seen, now: Seen, rows: Callable[..., list[Any]]) -> None:
        """Fail if the store is older than this host's mark, or another store.

        On a server a restore is a newer epoch. No sealed event is looked for: a desk has no key.
        """
        require_seen(seen, now, rows, self.path, None)

    def _rows(
        self,
        query: str,
        parameters: Sequence[Any] = (),
        make: Callable[[Sequence[Any]], Any] | None = None,
    ) -> list[Any]:
        text, values = translated_sql(query, parameters)
        if self._snapshot is None:
            found = self._client.with_retries(lambda: self._query(text, values))
        else:
            with without_retries(self.path):
                self._snapshot.patience = LONGEST_WAIT
                found = self._snapshot.execute(text, values).fetchall()
        if make is None:
            return found
        with translated(self.path):
            return [make(row) for row in found]

    def _query(self, text: bytes, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._client.connection() as connection:
            connection.execute(PLANNING)
            cursor = connection.execute(text, values)
        return cursor.fetchall()
