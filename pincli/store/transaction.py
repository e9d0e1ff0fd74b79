"""One write transaction: what it may assume, and the one way to record an event."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple, Protocol

from pincli.models import EventKind, User
from pincli.store.rows import EVENT_COLUMNS, user_in_row


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


class Transaction(NamedTuple):
    """An open BEGIN IMMEDIATE, under the writer lock.

    Attributes:
        at: The time that everything in it happened, ISO 8601, UTC.
    """

    connection: sqlite3.Connection
    identity: Identity
    signer: Signer
    origin: Origin
    at: str

    def user(self, row: int) -> User:
        """The user's record as it is in this transaction."""
        return user_in_row(self.connection, row)

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
        """Append an event to the trail.

        Args:
            kind: What it records.
            user: The record as it is after what happened.
            name: For somebody who is no user: what was typed, masked.
            attempt: The event number of the attempt that this one ends.
            outcome: The word for how it ended.
            reason: Why, as the person said, masked.
            ticket: The ticket it belongs to, masked.

        Returns:
            The event's number.
        """
        last = self.connection.execute(
            "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1"
        ).fetchall()
        seq, previous = (last[0][0] + 1, last[0][1]) if last else (1, self.identity.store_id)
        row = (
            seq,
            self.at,
            self.origin.agent,
            self.origin.command,
            kind.value,
            user.user if user else name,
            user.account if user else None,
            attempt,
            outcome,
            user.failed_attempts if user else None,
            user.pin_version if user else None,
            reason,
            ticket,
        )
        marks = ", ".join("?" * (len(row) + 1))
        self.connection.execute(
            f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({marks})",  # noqa: S608
            (*row, self.signer.mac(previous, row)),
        )
        return int(seq)


def read_identity(connection: sqlite3.Connection) -> Identity | None:
    """The store's one identity row, or None where init was cut short."""
    rows = connection.execute(
        "SELECT store_id, verify_key, audit_key, portal_key FROM store"
    ).fetchall()
    return Identity(*rows[0]) if rows else None
