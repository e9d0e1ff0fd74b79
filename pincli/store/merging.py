"""Bringing a backup back without undoing security that came after it.

The backup, in a copy of its own, has the present store attached as `present`. What is kept
is the stricter of the two, user by user; what was withdrawn or locked since stays so, and a
PIN is valid afterwards only if it is valid in the present store.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from pincli.rules.states import TYPES_WITH_PINS
from pincli.store.histories import join_histories
from pincli.store.rows import USER_COLUMNS

# An attempt that was in flight when the backup was made, and that the present store knows
# too: how it ended stands there, and a right answer must not lock anybody.
_KNOWN_ATTEMPTS = """
UPDATE users SET failed_attempts = max(failed_attempts - 1, 0)
WHERE open_attempt IS NOT NULL AND EXISTS (
    SELECT 1 FROM events e JOIN present.events p ON p.seq = e.seq AND p.mac = e.mac
    WHERE e.seq = users.open_attempt)
"""

_MISPLACED = """
SELECT u.id, same.id FROM users u LEFT JOIN present.users same ON same.user = u.user
WHERE same.id <> u.id OR (same.id IS NULL AND u.id IN (SELECT id FROM present.users))
"""

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

_NO_PIN = (
    "verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL, "
    "pin_set_at = NULL, pin_set_by = NULL"
)
_WITH_PINS = ", ".join(f"'{each.value}'" for each in sorted(TYPES_WITH_PINS))

# Versions only grow: a PIN that the present store no longer has never verifies again, and
# neither does one that it has and the backup does not.
_DIFFERENT = f"""
FROM present.users p WHERE p.user = users.user AND (p.pin_version <> users.pin_version
    OR (p.verifier IS NOT NULL AND users.type NOT IN ({_WITH_PINS})))
"""
_COUNT_DIFFERENT = (
    f"SELECT count(*) FROM users, {_DIFFERENT.strip().removeprefix('FROM ')}"
    " AND (users.verifier IS NOT NULL OR p.verifier IS NOT NULL)"
)
_WITHDRAW_DIFFERENT = (
    f"UPDATE users SET {_NO_PIN}, pin_version = max(users.pin_version, p.pin_version) + 1 "
    + _DIFFERENT
)

# The same PIN, but its verifier or its seal may have been renewed since. It is the present
# store's in any case: of two histories since a third, each may have its own of that version.
_RENEWED = """
UPDATE users SET verifier = p.verifier, verify_key = p.verify_key, sealed = p.sealed,
    portal_key = p.portal_key, pin_set_at = p.pin_set_at, pin_set_by = p.pin_set_by
FROM present.users p WHERE p.user = users.user AND p.pin_version = users.pin_version
"""

# Nobody vouches for the PIN of somebody whom the present store does not know: it may have
# been withdrawn by what was lost.
_WITHDRAW_UNKNOWN = f"""
UPDATE users SET {_NO_PIN}, pin_version = pin_version + 1
WHERE verifier IS NOT NULL AND user NOT IN (SELECT user FROM present.users)
"""
_FORGET_ATTEMPTS = """
UPDATE users SET open_attempt = NULL
WHERE open_attempt IS NOT NULL AND user NOT IN (SELECT user FROM present.users)
"""

_ALL_WITHDRAWN = f"""
UPDATE users SET {_NO_PIN}, pin_version = pin_version + 1 WHERE verifier IS NOT NULL
"""

# A user who lost the PIN that stands in an unfinished file is to be issued it again.
_STILL_ISSUED = """
INSERT INTO issued SELECT i.* FROM present.issued i
JOIN present.users p ON p.id = i.user_id JOIN users u ON u.id = p.id
WHERE u.pin_version = p.pin_version
"""


class Merged(NamedTuple):
    """What a merge did.

    Attributes:
        withdrawn: PINs that were withdrawn.
        kept_users: Users who are in the present store only, and were kept.
        kept_events: Events that came after the backup, and were kept.
        left_out: Events of the backup that the present store's trail does not go on from.
    """

    withdrawn: int
    kept_users: int
    kept_events: int
    left_out: int = 0


def same_store(connection: sqlite3.Connection) -> bool:
    """Whether backup and present store are the same store at two times."""
    rows = connection.execute(
        "SELECT count(*) FROM store s JOIN present.store p ON p.store_id = s.store_id"
    ).fetchall()
    return rows == [(1,)]


def merge(connection: sqlite3.Connection) -> Merged:
    """Merge the present store into a copy of the backup, in the caller's transaction."""
    connection.execute(_KNOWN_ATTEMPTS)
    history = join_histories(connection)
    connection.execute("DELETE FROM issued")
    _take_present_rows(connection)
    connection.execute(_STRICTER)
    ((withdrawn,),) = connection.execute(_COUNT_DIFFERENT).fetchall()
    connection.execute(_WITHDRAW_DIFFERENT)
    connection.execute(_RENEWED)
    withdrawn += connection.execute(_WITHDRAW_UNKNOWN).rowcount
    connection.execute(_FORGET_ATTEMPTS)
    kept_users = connection.execute(
        f"INSERT INTO users ({USER_COLUMNS}) SELECT {USER_COLUMNS} FROM present.users "
        "WHERE user NOT IN (SELECT user FROM users)"
    ).rowcount
    connection.execute(_STILL_ISSUED)
    return Merged(withdrawn, kept_users, history.kept, history.left_out)


def withdraw_all(connection: sqlite3.Connection) -> Merged:
    """Withdraw every PIN: there is no store to tell which of them were withdrawn since."""
    return Merged(connection.execute(_ALL_WITHDRAWN).rowcount, 0, 0)


def _take_present_rows(connection: sqlite3.Connection) -> None:
    """Give every user the row of the present store, whose locks go by it; the others new ones."""
    moves = connection.execute(_MISPLACED).fetchall()
    ((top,),) = connection.execute(
        "SELECT max(coalesce((SELECT max(id) FROM users), 0), "
        "coalesce((SELECT max(id) FROM present.users), 0))"
    ).fetchall()
    # Out of the way first: one's row may be another's present one.
    move = "UPDATE users SET id = ? WHERE id = ?"
    connection.executemany(move, [(top + row, row) for row, _ in moves])
    connection.executemany(move, [(to, top + row) for row, to in moves if to is not None])
