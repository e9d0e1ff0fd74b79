"""From schema 1 to schema 2: in one transaction, with every lock of version 1, or not at all.

The old trail is checked first, and kept. Each user goes on with the same row number, counter,
lock and PIN. A record that is not as the old trail says loses its PIN, and nobody else does.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, cast

from pincli.errors import OldStoreTampered, RecordDamaged
from pincli.models import EventKind, Identity, NewEvent, Origin, User
from pincli.results import Upgraded
from pincli.rules.lockout import Step, migrated
from pincli.store.contract import OldEvent
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
# Every change of a PIN or a counter was an event that says what they became.
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
"""Called with how much is done, and of how much."""
UidOf = Callable[[User], bytes | None]
"""The uid that is known for a user of schema 1, if one is."""


class Vault(Protocol):
    """What has to be done with keys; operations/upgrade.py has the one there is."""

    def begin(self, identity: Identity, path: Path) -> Sealers:
        """Load audit.key, and give who seals with it.

        Args:
            identity: The store's.
            path: Of its database, for errors.

        Raises:
            KeysUnavailable: It is missing, or another.
        """

    def load_verify(self, fingerprints: Sequence[str]) -> None:
        """Load the keys that these verifiers need.

        Raises:
            KeysUnavailable: One isn't here; it is named.
        """

    def follow(self, events: Sequence[OldEvent]) -> tuple[int, str]:
        """Check the next events of the old trail; gives the last one's number and mac.

        Raises:
            OldStoreTampered: One is not as pincli wrote it.
            KeysUnavailable: A key that the trail names isn't here.
        """

    def converted(self, verifier: str, user: User) -> tuple[str, bytes, bytes]:
        """Question, check and proof of a user's old verifier, without the PIN.

        Raises:
            RecordDamaged: It is not a verifier.
        """


def users_to_upgrade(folder: Path) -> int | None:
    """How many users a store of an older schema has; None if it is up to date.

    Raises:
        StoreUnavailable: There is no store that could be read.
    """
    path = folder / DATABASE
    with closing(connect(path)) as connection:
        if schema_version(connection, path) == SCHEMA_VERSION:
            return None
        with translated(path):
            return _count(connection, "users")


def upgrade(
    folder: Path, vault: Vault, *, origin: Origin, progress: Progress, uid_of: UidOf
) -> Upgraded | None:
    """Bring a store up to date; None if another process has done it by now.

    Raises:
        StoreTampered: The schema isn't the one that pincli made, or the trail was changed.
        StoreUnavailable: It can't be written, or its locks were not to be had.
        KeysUnavailable: A key is missing.
    """
    path = folder / DATABASE
    # All of these leave the store as it was.
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


class _Upgrade:
    """One upgrade, inside its transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        vault: Vault,
        origin: Origin,
        progress: Progress,
        uid_of: UidOf,
    ) -> None:
        self._connection = connection
        self._path = path
        self._vault = vault
        self._origin = origin
        self._progress = progress
        self._uid_of = uid_of
        self._withdrawn = self._locked = 0

    def run(self) -> Upgraded:
        """All of it but the commit."""
        self._require_own_schema(1)
        identity, created_at = self._old_store()
        sealers = self._vault.begin(identity, self._path)
        self._vault.load_verify([key for (key,) in self._rows(_KEYS)])
        users, events = _count(self._connection, "users"), _count(self._connection, "events")
        number, mac = self._check_trail(users + events)
        self._make_tables()
        write_store(
            self._connection,
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
            self._progress(events + taken, users + events)
        for table in ("old_users", "old_store"):
            self._connection.execute(f"DROP TABLE {table}")
        self._connection.execute(_ADD_NOTICES)
        self._require_own_schema(SCHEMA_VERSION)
        return Upgraded(users, events, self._withdrawn, self._locked)

    def _require_own_schema(self, version: int) -> None:
        foreign = schema_check.foreign(self._connection, version)
        if foreign is not None:
            raise OldStoreTampered(self._path, foreign)

    def _old_store(self) -> tuple[Identity, str]:
        found = self._rows(_STORE)
        if len(found) != 1:
            raise OldStoreTampered(self._path, "the store's own row is missing")
        return Identity(*found[0][:4]), found[0][4]

    def _check_trail(self, total: int) -> tuple[int, str]:
        """The last event's number and mac, once all of them are found to be right."""
        number, mac = 0, ""
        while page := cast(list[OldEvent], self._rows(_EVENTS, (number, PAGE))):
            number, mac = self._vault.follow(page)
            self._progress(number, total)
        if number == 0:  # `init` wrote one
            raise OldStoreTampered(self._path, "there are no events")
        return number, mac

    def _make_tables(self) -> None:
        from pincli.store.sqlite.migrations import migrate

        migrate(self._connection)
        # A forged index could hide a user's last event.
        self._connection.execute("REINDEX old_events")

    def _step(self, row: Row) -> Step:
        """A user's events, the last one with the record that the user goes on with."""
        *columns, verifier, attempt, last_version, last_counter = row
        random = os.urandom(_UID_BYTES + _BLIND_BYTES)
        user = user_from(columns)
        uid = self._uid_of(user) or random[:_UID_BYTES]
        user = user._replace(uid=uid, blind=random[_UID_BYTES:])
        doubt = None
        if verifier is not None:
            try:
                question, check, proof = self._vault.converted(verifier, user)
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
        """Append to the new trail; each time by another transaction object, which keeps records."""
        transaction = SqliteTransaction(
            self._connection, self._path, sealers=sealers, origin=self._origin
        )
        transaction.save(events)
        self._withdrawn += sum(event.kind is EventKind.PIN_WITHDRAWN for event in events)
        self._locked += sum(event.kind is EventKind.LOCKED for event in events)

    def _rows(self, query: str, parameters: Sequence[int] = ()) -> list[Any]:
        return self._connection.execute(query, parameters).fetchall()


def _count(connection: sqlite3.Connection, table: str) -> int:
    ((count,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)
