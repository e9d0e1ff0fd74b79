"""Upgrading from schema 1 to schema 2, in one transaction, with every lock of version 1.

The old trail is checked first, and kept. Each user keeps row number, counter, lock and PIN; only a
record that contradicts the old trail loses its PIN.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from pincli.errors import OldStoreTampered, RecordDamaged
from pincli.models import EventKind, Identity, NewEvent, Origin, User
from pincli.results import Upgraded
from pincli.rules.lockout import Step, migrated
from pincli.store.questions import OldEvent
from pincli.store.sealing import Sealers
from pincli.store.sql.rows import OLD_EVENT, Row, user_from
from pincli.store.sqlite import schema_check
from pincli.store.sqlite.connection import (
    DATABASE,
    SCHEMA_VERSION,
    connect,
    schema_version,
    use_rollback_journal,
    utc_now,
)
from pincli.store.sqlite.creation import write_store
from pincli.store.sqlite.errors import translated
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks
from pincli.store.sqlite.transaction import SqliteTransaction

PAGE = 2000
"""Users, or events, that are in memory at once."""
_CACHE_KIB = 64 * 1024
_UID_BYTES = _BLIND_BYTES = 16

_SAME = frozenset(
    {"id", "account", "type", "active", "added_at"}
    | {"verify_key", "sealed", "portal_key", "pin_set_at", "pin_set_by", "pin_version"}
    | {"failed_attempts", "locked_since", "last_locked_at", "locks_total", "attempts_total"}
    | {"last_attempt_at", "last_attempt_by", "last_verified_at", "last_verified_by"}
)
_OLD = {"login": "u.user", "display_name": "u.name", "event": "0", "uid": "x''"}
_OLD |= {name: f"u.{name}" for name in _SAME}
_OLD_USER = ", ".join(_OLD.get(name, "NULL") for name in User._fields)
# Every change of a PIN or a counter was an event that holds the new values.
_USERS = (
    f"SELECT {_OLD_USER}, u.verifier, u.open_attempt, e.pin_version, e.attempts_used "
    "FROM old_users u "
    "LEFT JOIN old_events e ON e.seq = (SELECT max(seq) FROM old_events "
    "WHERE user = u.user AND pin_version IS NOT NULL) WHERE u.id > ? ORDER BY u.id LIMIT ?"
)
_EVENTS = f"SELECT {OLD_EVENT} FROM events NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT ?"
_STORE = "SELECT store_id, verify_key, audit_key, portal_key, created_at FROM store"
_KEYS = "SELECT DISTINCT verify_key FROM users WHERE verify_key IS NOT NULL"

# Schema 1 has no notices, so nobody could say yet that there is a hook.
_ADD_NOTICES = "INSERT INTO notices (number) SELECT number FROM trail WHERE kind = 'locked'"

Progress = Callable[[int, int], None]
"""Called with how much is done, and the total."""
UidOf = Callable[[User], bytes | None]
"""Gives the uid that is known for a user of schema 1, if any."""


class Vault(Protocol):
    """What needs keys; implemented in operations/upgrade.py."""

    def begin(self, identity: Identity, path: Path) -> Sealers:
        """Load the audit key; the path is for errors.

        Raises:
            KeysUnavailable: It is missing, or not the store's.
        """

    def load_verify(self, fingerprints: Sequence[str]) -> None:
        """Load the keys that these verifiers need.

        Raises:
            KeysUnavailable: One is missing.
        """

    def follow(self, events: Sequence[OldEvent]) -> tuple[int, str]:
        """Check the next events of the old trail; return the last one's number and mac.

        Raises:
            OldStoreTampered: pincli did not write it.
            KeysUnavailable: A key that the trail names is missing.
        """

    def converted(self, verifier: str, user: User) -> tuple[str, bytes, bytes]:
        """Question, check and proof of a user's old verifier, without the PIN.

        Raises:
            RecordDamaged: It is not a verifier.
        """


def users_to_upgrade(folder: Path) -> int | None:
    """How many users a store of an older schema has; None if it is up to date."""
    path = folder / DATABASE
    with closing(connect(path)) as connection:
        if schema_version(connection, path) == SCHEMA_VERSION:
            return None
        with translated(path):
            return _count(connection, "users")


def upgrade(
    folder: Path, vault: Vault, *, origin: Origin, progress: Progress, uid_of: UidOf
) -> Upgraded | None:
    """Upgrade a store; None if another process has done it by now. An error leaves it as it was.

    Raises:
        OldStoreTampered: Schema or trail were changed.
        StoreUnavailable: It can't be written, or others hold its locks.
        KeysUnavailable: A key is missing.
    """
    path = folder / DATABASE
    with (
        closing(Locks(folder / LOCK_FILE)) as locks,
        locks.everything(),
        closing(connect(path)) as connection,
        translated(path),
    ):
        use_rollback_journal(connection, path)
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            if schema_version(connection, path) == SCHEMA_VERSION:
                return None
            done = _Upgrade(connection, path, vault, origin, progress, uid_of).run()
            connection.execute("COMMIT")
            return done
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


@dataclass
class _Upgrade:
    """One upgrade, inside its transaction."""

    connection: sqlite3.Connection
    path: Path
    vault: Vault
    origin: Origin
    progress: Progress
    uid_of: UidOf
    withdrawn: int = 0
    locked: int = 0

    def run(self) -> Upgraded:
        """Do everything but the commit."""
        self._require_own_schema(1)
        identity, created_at = self._old_store()
        sealers = self.vault.begin(identity, self.path)
        self.vault.load_verify([key for (key,) in self._rows(_KEYS)])
        users, events = _count(self.connection, "users"), _count(self.connection, "events")
        number, mac = self._check_trail(users + events)
        self._make_tables()
        write_store(
            self.connection,
            identity,
            sealers,
            before=(b"%d" % number, mac.encode()),
            number=number,
            created_at=created_at,
        )
        note = f"{number}:{mac}, {users} users, {events} events"
        self._save(sealers, [NewEvent(EventKind.MIGRATED, note=note)])
        row = taken = 0
        while rows := self._rows(_USERS, (row, PAGE)):
            self._save(sealers, [event for each in rows for event in self._step(each)])
            row, taken = rows[-1][0], taken + len(rows)
            self.progress(events + taken, users + events)
        for table in ("old_users", "old_store"):
            self.connection.execute(f"DROP TABLE {table}")
        self.connection.execute(_ADD_NOTICES)
        self._require_own_schema(SCHEMA_VERSION)
        return Upgraded(users, events, self.withdrawn, self.locked)

    def _require_own_schema(self, version: int) -> None:
        foreign = schema_check.foreign(self.connection, version)
        if foreign is not None:
            raise OldStoreTampered(self.path, foreign)

    def _old_store(self) -> tuple[Identity, str]:
        found = self._rows(_STORE)
        if len(found) != 1:
            raise OldStoreTampered(self.path, "the store's own row is missing")
        return Identity(*found[0][:4]), found[0][4]

    def _check_trail(self, total: int) -> tuple[int, str]:
        """Check all old events; return the last one's number and mac."""
        number, mac = 0, ""
        while page := cast(list[OldEvent], self._rows(_EVENTS, (number, PAGE))):
            number, mac = self.vault.follow(page)
            self.progress(number, total)
        if number == 0:  # `init` wrote one
            raise OldStoreTampered(self.path, "there are no events")
        return number, mac

    def _make_tables(self) -> None:
        from pincli.store.sqlite.migrations import migrate

        migrate(self.connection)
        # A forged index could hide a user's last event.
        self.connection.execute("REINDEX old_events")

    def _step(self, row: Row) -> Step:
        """A user's events, the last one with the new record."""
        *columns, verifier, attempt, last_version, last_counter = row
        random = os.urandom(_UID_BYTES + _BLIND_BYTES)
        user = user_from(columns)
        uid = self.uid_of(user) or random[:_UID_BYTES]
        user = user._replace(uid=uid, blind=random[_UID_BYTES:])
        doubt = None
        if verifier is not None:
            try:
                question, check, proof = self.vault.converted(verifier, user)
                user = user._replace(question=question, pin_check=check, pin_proof=proof)
            except RecordDamaged:
                doubt = "its PIN was damaged"
        if last_version is None:
            doubt = "it is not in the trail"
        elif last_version != user.pin_version:
            doubt = "its PIN version was changed behind the trail"
        elif last_counter != user.failed_attempts:
            doubt = "its counter was changed behind the trail"
        return migrated(
            user,
            attempt=attempt,
            doubt=doubt,
            counter=last_counter or 0,
            version=last_version or 0,
            at=utc_now(),
        )

    def _save(self, sealers: Sealers, events: Sequence[NewEvent]) -> None:
        """Append to the new trail, by a new transaction object, as each keeps its records."""
        transaction = SqliteTransaction(
            self.connection, self.path, sealers=sealers, origin=self.origin
        )
        transaction.save(events)
        self.withdrawn += sum(event.kind is EventKind.PIN_WITHDRAWN for event in events)
        self.locked += sum(event.kind is EventKind.LOCKED for event in events)

    def _rows(self, query: str, parameters: Sequence[int] = ()) -> list[Any]:
        return self.connection.execute(query, parameters).fetchall()


def _count(connection: sqlite3.Connection, table: str) -> int:
    ((count,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)
