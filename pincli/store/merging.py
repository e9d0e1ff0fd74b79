"""Bringing a backup back without undoing security that came after it.

The backup, in a copy of its own, has the present store attached as `present`. What is kept
is the stricter of the two, user by user; what was withdrawn or locked since stays so.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from pincli.models import EventKind
from pincli.store.rows import EVENT_COLUMNS, USER_COLUMNS
from pincli.store.transaction import NewEvent, Transaction

_CHUNK = 2000

_STRICTER = """
UPDATE users SET
    active = min(users.active, p.active),
    failed_attempts = max(users.failed_attempts, p.failed_attempts),
    open_attempt = p.open_attempt,
    locked_since = CASE
        WHEN p.locked_since IS NOT NULL THEN p.locked_since
        ELSE users.locked_since END,
    last_locked_at = nullif(max(coalesce(users.last_locked_at, ''),
        coalesce(p.last_locked_at, '')), ''),
    last_attempt_at = nullif(max(coalesce(users.last_attempt_at, ''),
        coalesce(p.last_attempt_at, '')), ''),
    last_attempt_by = coalesce(p.last_attempt_by, users.last_attempt_by),
    last_verified_at = nullif(max(coalesce(users.last_verified_at, ''),
        coalesce(p.last_verified_at, '')), ''),
    last_verified_by = coalesce(p.last_verified_by, users.last_verified_by),
    locks_total = max(users.locks_total, p.locks_total),
    attempts_total = max(users.attempts_total, p.attempts_total)
FROM present.users p WHERE p.user = users.user
"""

# Versions only grow: a PIN that the present store no longer has never verifies again, and
# neither does one that it has and the backup does not.
_WITHDRAWN = """
UPDATE users SET verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL,
    pin_set_at = NULL, pin_set_by = NULL, pin_version = max(users.pin_version, p.pin_version) + 1
FROM present.users p WHERE p.user = users.user AND p.pin_version <> users.pin_version
"""

# The same PIN, but its verifier or its seal may have been renewed since.
_RENEWED = """
UPDATE users SET verifier = p.verifier, verify_key = p.verify_key, sealed = p.sealed,
    portal_key = p.portal_key, pin_set_at = p.pin_set_at, pin_set_by = p.pin_set_by
FROM present.users p WHERE p.user = users.user AND p.pin_version = users.pin_version
"""

_ALL_WITHDRAWN = """
UPDATE users SET verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL,
    pin_set_at = NULL, pin_set_by = NULL, pin_version = pin_version + 1
WHERE verifier IS NOT NULL
"""


class Merged(NamedTuple):
    """What a merge did.

    Attributes:
        withdrawn: PINs that were withdrawn.
        kept_users: Users who are in the present store only, and were kept.
        kept_events: Events that came after the backup, and were kept.
    """

    withdrawn: int
    kept_users: int
    kept_events: int


def same_store(connection: sqlite3.Connection) -> bool:
    """Whether backup and present store are the same store at two times."""
    rows = connection.execute(
        "SELECT count(*) FROM store s JOIN present.store p ON p.store_id = s.store_id"
    ).fetchall()
    moved = connection.execute(
        "SELECT 1 FROM users u JOIN present.users p ON p.user = u.user WHERE p.id <> u.id LIMIT 1"
    ).fetchall()
    return rows == [(1,)] and not moved


def merge(connection: sqlite3.Connection) -> Merged:
    """Merge the present store into a copy of the backup, in the caller's transaction."""
    head = connection.execute("SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1").fetchall()
    kept_events = 0
    if (
        head
        and connection.execute(
            "SELECT 1 FROM present.events WHERE seq = ? AND mac = ?", head[0]
        ).fetchall()
    ):
        kept_events = connection.execute(
            f"INSERT INTO events ({EVENT_COLUMNS}) "
            f"SELECT {EVENT_COLUMNS} FROM present.events WHERE seq > ?",
            (head[0][0],),
        ).rowcount
    connection.execute(_STRICTER)
    ((withdrawn,),) = connection.execute(
        "SELECT count(*) FROM users u JOIN present.users p ON p.user = u.user "
        "WHERE p.pin_version <> u.pin_version AND (u.verifier IS NOT NULL OR "
        "p.verifier IS NOT NULL)"
    ).fetchall()
    connection.execute(_WITHDRAWN)
    connection.execute(_RENEWED)
    kept_users = connection.execute(
        f"INSERT INTO users ({USER_COLUMNS}) SELECT {USER_COLUMNS} FROM present.users "
        "WHERE user NOT IN (SELECT user FROM users)"
    ).rowcount
    connection.execute(
        "UPDATE store SET (verify_key, audit_key, portal_key) = "
        "(SELECT verify_key, audit_key, portal_key FROM present.store)"
    )
    return Merged(withdrawn, kept_users, kept_events)


def withdraw_all(connection: sqlite3.Connection) -> Merged:
    """Withdraw every PIN: there is no store to tell which of them were withdrawn since."""
    return Merged(connection.execute(_ALL_WITHDRAWN).rowcount, 0, 0)


def record_restored(transaction: Transaction, reason: str) -> int:
    """Record the restore, and every user whose record is not as their last event says.

    Returns:
        How many users that are.
    """
    transaction.record(EventKind.RESTORED, reason=reason)
    last, found = 0, 0
    while True:
        rows = transaction.connection.execute(
            "SELECT u.id FROM users u LEFT JOIN events e ON e.seq = "
            "(SELECT max(seq) FROM events WHERE user = u.user AND pin_version IS NOT NULL) "
            "WHERE u.id > ? AND (u.pin_version, u.failed_attempts) IS NOT "
            "(e.pin_version, e.attempts_used) ORDER BY u.id LIMIT ?",
            (last, _CHUNK),
        ).fetchall()
        if not rows:
            return found
        users = transaction.users([row for (row,) in rows])
        transaction.record_all(
            NewEvent(EventKind.RESTORED, user, outcome="record") for user in users
        )
        last, found = rows[-1][0], found + len(rows)
