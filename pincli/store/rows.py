"""Rows of the database as domain objects."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from pincli.models import Event, EventKind, PinOrigin, StoredPin, User, UserType
from pincli.store.faults import SpoiltRow

# Calling the enum costs five times as much.
_TYPES = {kind.value: kind for kind in UserType}
_KINDS = {kind.value: kind for kind in EventKind}

USER_COLUMNS = (
    "id, user, account, name, type, active, added_at, verifier, verify_key, sealed, portal_key, "
    "pin_set_at, pin_set_by, pin_version, failed_attempts, open_attempt, locked_since, "
    "last_locked_at, last_attempt_at, last_attempt_by, last_verified_at, last_verified_by, "
    "locks_total, attempts_total"
)
EVENT_COLUMNS = (
    "seq, at, agent, command, kind, user, account, attempt, outcome, attempts_used, "
    "pin_version, reason, ticket, mac"
)


def user_from(row: Sequence[Any]) -> User:
    """The user in a row of USER_COLUMNS."""
    (
        row_id, user, account, name, user_type, active, added_at,
        verifier, verify_key, sealed, portal_key, pin_set_at, pin_set_by,
        *rest,
    ) = row  # fmt: skip
    pin = None
    if verifier is not None:
        pin = StoredPin(verifier, verify_key, sealed, portal_key, pin_set_at, PinOrigin(pin_set_by))
    return User(row_id, user, account, name, _TYPES[user_type], bool(active), added_at, pin, *rest)


def event_from(row: Sequence[Any]) -> Event:
    """The event in a row of EVENT_COLUMNS."""
    seq, at, agent, command, kind, *rest = row
    known = _KINDS.get(kind)
    if known is None:
        raise SpoiltRow(f"event {seq} is of no kind that there is")
    return Event(seq, at, agent, command, known, *rest)


def read_users(
    connection: sqlite3.Connection, tail: str, parameters: Sequence[str | int] = ()
) -> list[User]:
    """The users that `SELECT … FROM users <tail>` gives, read to the end at once.

    To the end: an open statement holds the database's read lock, on which writers wait.
    """
    query = f"SELECT {USER_COLUMNS} FROM users {tail}"
    return [user_from(row) for row in connection.execute(query, parameters).fetchall()]


def find_user(connection: sqlite3.Connection, user: str) -> User | None:
    """The user of that canonical name, or None."""
    found = read_users(connection, "WHERE user = ?", (user,))
    return found[0] if found else None


def find_users(connection: sqlite3.Connection, users: Sequence[str]) -> list[User]:
    """The users of these canonical names; names that nobody has are left out."""
    marks = ", ".join("?" * len(users))
    return read_users(connection, f"WHERE user IN ({marks})", users)


def users_in_rows(connection: sqlite3.Connection, rows: Sequence[int]) -> list[User]:
    """The users in these rows, in storage order."""
    marks = ", ".join("?" * len(rows))
    return read_users(connection, f"WHERE id IN ({marks}) ORDER BY id", rows)


def user_in_row(connection: sqlite3.Connection, row: int) -> User:
    """The user in a row that is known to exist; rows of users are never deleted."""
    (user,) = read_users(connection, "WHERE id = ?", (row,))
    return user
