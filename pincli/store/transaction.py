"""One write transaction: what it may assume, and the one way to record an event."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from pincli.models import EventKind, User
from pincli.store.rows import EVENT_COLUMNS, user_in_row, users_in_rows

_INSERT_EVENT = (
    f"INSERT INTO events ({EVENT_COLUMNS}) "
    f"VALUES ({', '.join('?' * len(EVENT_COLUMNS.split(', ')))})"
)


class Signer(Protocol):
    """Who computes the macs of events; vault/audit_macs.py has the one there is."""

    @property
    def fingerprint(self) -> str:
        """The name of the key it signs with."""

    def mac(self, previous: str, row: tuple[str | int | None, ...]) -> str:
        """The mac of a row that follows the previous mac."""


class Origin(NamedTuple):
    """Who acts, and by which command; stands on every event."""

    agent: str
    command: str


class Identity(NamedTuple):
    """What the store says of itself: its id, and the fingerprints of its keys."""

    store_id: str
    verify_key: str
    audit_key: str
    portal_key: str


class NewEvent(NamedTuple):
    """An event about to be recorded.

    Attributes:
        kind: What it records.
        user: The record as it is after what happened.
        name: For somebody who is no user: what was typed, masked.
        attempt: The event number of the attempt that this one ends.
        outcome: The word for how it ended.
        reason: Why, as the person said, masked.
        ticket: The ticket it belongs to, masked.
    """

    kind: EventKind
    user: User | None = None
    name: str | None = None
    attempt: int | None = None
    outcome: str | None = None
    reason: str | None = None
    ticket: str | None = None


class Transaction(NamedTuple):
    """An open BEGIN IMMEDIATE, under the writer lock.

    Attributes:
        at: The time that everything in it happened, ISO 8601, UTC.
        locks: Gets every user whose lock is recorded, for whoever is told once it is durable.
    """

    connection: sqlite3.Connection
    identity: Identity
    signer: Signer
    origin: Origin
    at: str
    locks: list[User] | None = None

    def user(self, row: int) -> User:
        """The user's record as it is in this transaction."""
        return user_in_row(self.connection, row)

    def users(self, rows: Sequence[int]) -> list[User]:
        """The records of some rows as they are in this transaction, in the order of rows."""
        return users_in_rows(self.connection, rows)

    def record(
        self,
        kind: EventKind,
        user: User | None = None,
        *,
        name: str | None = None,
        attempt: int | None = None,
        outcome: str | None = None,
        reason: str | None = None,
        ticket: str | None = None,
    ) -> int:
        """Append one event to the trail; NewEvent says what the arguments are.

        Returns:
            The event's number.
        """
        event = NewEvent(kind, user, name, attempt, outcome, reason, ticket)
        return self.record_all([event])

    def record_all(self, events: Iterable[NewEvent]) -> int:
        """Append events in this order, each chained to the one before.

        Returns:
            The last event's number.
        """
        last = self.connection.execute(
            "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1"
        ).fetchall()
        seq, mac = last[0] if last else (0, self.identity.store_id)
        rows = []
        for event in events:
            seq += 1
            row = self._row(seq, event)
            mac = self.signer.mac(mac, row)
            rows.append((*row, mac))
            if event.kind is EventKind.LOCKED and event.user is not None and self.locks is not None:
                self.locks.append(event.user)
        self.connection.executemany(_INSERT_EVENT, rows)
        return int(seq)

    def _row(self, seq: int, event: NewEvent) -> tuple[str | int | None, ...]:
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


def read_identity(connection: sqlite3.Connection) -> Identity | None:
    """The store's one identity row, or None where init was cut short."""
    rows = connection.execute(
        "SELECT store_id, verify_key, audit_key, portal_key FROM store"
    ).fetchall()
    return Identity(*rows[0]) if rows else None
