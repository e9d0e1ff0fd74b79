"""A write transaction: what both engines do alike. Rows go in and out here, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pincli.models import EventKind, Identity, NewEvent, Origin, User
from pincli.store.changes import differing, records_left, require_read
from pincli.store.contract import RawEvent, Signer
from pincli.store.sql.rows import EVENT_COLUMNS, USER, USER_COLUMNS, Row, marks, row_of, user_from

_IDENTITY_COLUMNS = {"verify": "verify_key", "portal": "portal_key", "audit": "audit_key"}


class SqlTransaction:
    """An open write transaction; an engine adds how to read and write rows.

    Attributes:
        at: The time that everything in it happened, ISO 8601, UTC.
        origin: Who acts, and by which command.
        identity: The keys that count now.
        locks: The users whose lock was recorded in it.
    """

    def __init__(self, *, identity: Identity, signer: Signer, origin: Origin, at: str) -> None:
        self.at = at
        self.origin = origin
        self.identity = identity
        self.locks: list[User] = []
        self._signer = signer
        self._read: dict[str, User] = {}
        self._head: tuple[int, str] | None = None

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query."""
        raise NotImplementedError

    def write(self, statement: str, rows: Sequence[Row]) -> None:
        """Run a statement once for each row of parameters."""
        raise NotImplementedError

    def users(self, rows: Sequence[int]) -> list[User]:
        """The records in these rows, in storage order; nobody else changes them now."""
        return self._found(f"WHERE id IN ({marks(rows)}) ORDER BY id", rows)

    def named(self, logins: Sequence[str]) -> dict[str, User]:
        """The records of those who exist among these, by login; likewise."""
        found = self._found(f"WHERE user IN ({marks(logins)}) ORDER BY id", logins)
        return {user.login: user for user in found}

    def save(self, events: Sequence[NewEvent]) -> None:
        """Write the records that the events leave, and append the events to the trail."""
        left = records_left(events)
        added = [user for user in left.values() if not user.id]
        present = [user for user in left.values() if user.id]
        before = [require_read(self._read, user) for user in present]
        if added:
            self.add([row_of(user)[1:] for user in added])
        pairs = (
            (new.id, row_of(old), row_of(new))
            for old, new in zip(before, present, strict=True)
            if old is not new
        )
        for columns, values in differing(USER_COLUMNS, pairs):
            setting = ", ".join(f"{name} = ?" for name in columns)
            self.write(f"UPDATE users SET {setting} WHERE id = ?", values)
        self._read |= {user.login: user for user in present}
        self._append(events)

    def add(self, rows: Sequence[Row]) -> None:
        """Add users, each a row of all columns but the number."""
        columns = USER_COLUMNS[1:]
        self.write(f"INSERT INTO users ({', '.join(columns)}) VALUES ({marks(columns)})", rows)

    def next_number(self) -> int:
        """The number that the next event gets."""
        return self._last()[0] + 1

    def name_key(self, kind: str, fingerprint: str) -> None:
        """Say that another key of a kind counts from now on."""
        self.write(f"UPDATE store SET {_IDENTITY_COLUMNS[kind]} = ?", [(fingerprint,)])

    def _append(self, events: Sequence[NewEvent]) -> None:
        seq, mac = self._last()
        rows = []
        for event in events:
            seq += 1
            row = self._event_row(seq, event)
            mac = self._signer.mac(mac, row)
            rows.append((*row, mac))
            if event.kind is EventKind.LOCKED and event.user is not None:
                self.locks.append(event.user)
        columns = ", ".join(EVENT_COLUMNS)
        self.write(f"INSERT INTO events ({columns}) VALUES ({marks(EVENT_COLUMNS)})", rows)
        self._head = (seq, mac)

    def _event_row(self, seq: int, event: NewEvent) -> RawEvent:
        user = event.user
        return (
            seq,
            self.at,
            self.origin.agent,
            self.origin.command,
            event.kind.value,
            user.login if user else event.name,
            user.account if user else None,
            event.attempt,
            event.outcome,
            user.failed_attempts if user else None,
            user.pin_version if user else None,
            event.reason,
            event.ticket,
        )

    def _last(self) -> tuple[int, str]:
        if self._head is None:
            found = self.rows("SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1")
            self._head = found[0] if found else (0, self.identity.store_id)
        return self._head

    def _found(self, tail: str, parameters: Sequence[Any]) -> list[User]:
        users = [
            user_from(row) for row in self.rows(f"SELECT {USER} FROM users {tail}", parameters)
        ]
        self._read |= {user.login: user for user in users}
        return users
