"""Adding, finding and (de)activating users."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal

from pincli.errors import Refused, Rule
from pincli.models import Change, EventKind, User, UserType
from pincli.rules.names import one_slip_away
from pincli.store.transaction import NewEvent, Transaction

_NEAR_AT_MOST = 5
_LAST_CHARACTER = "\U0010ffff"


def add_user(
    transaction: Transaction, user: str, account: str, name: str, user_type: UserType
) -> User:
    """Add an active user without a PIN.

    Raises:
        Refused: There is a user of that name.
    """
    try:
        cursor = transaction.connection.execute(
            "INSERT INTO users (user, account, name, type, active, added_at) "
            "VALUES (?, ?, ?, ?, 1, ?)",
            (user, account, name, user_type.value, transaction.at),
        )
    except sqlite3.IntegrityError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_CONSTRAINT_UNIQUE":
            raise
        raise Refused(Rule.USER_EXISTS, user) from None
    added = transaction.user(cursor.lastrowid or 0)
    transaction.record(EventKind.USER_ADDED, added)
    return added


def set_active(
    transaction: Transaction, rows: Sequence[int], *, active: bool, reason: str | None
) -> list[Change]:
    """Activate or deactivate users; counter and PIN stay as they are.

    Returns:
        Each record before and after; nothing is written for one that already was so.
    """
    changes = [Change(user, user._replace(active=active)) for user in transaction.users(rows)]
    real = [change for change in changes if change.before != change.after]
    transaction.connection.executemany(
        "UPDATE users SET active = ? WHERE id = ?", [(int(active), c.after.id) for c in real]
    )
    kind = EventKind.ACTIVATED if active else EventKind.DEACTIVATED
    transaction.record_all([NewEvent(kind, change.after, reason=reason) for change in real])
    return changes


def near_users(connection: sqlite3.Connection, user: str) -> list[str]:
    """Up to five existing names that begin with this one or are one slip away from it."""
    return _near(connection, "user", user)


def near_accounts(connection: sqlite3.Connection, account: str) -> list[str]:
    """Up to five existing accounts that begin with this name or are one slip away from it."""
    return _near(connection, "account", account)


def names_with_prefix(
    connection: sqlite3.Connection, column: Literal["user", "account"], prefix: str, *, limit: int
) -> list[str]:
    """The names that begin with a prefix, in order; of more than `limit`, the last stays too.

    What all of these begin with is then what all names that there are begin with: a shell
    types that much ahead, and from the first few alone it would type too much.

    Each name is one step through the index, past however many users an account has.
    """
    past_prefix = prefix + _LAST_CHARACTER
    within = f"FROM users WHERE {column} >= ? AND {column} < ?"
    names: list[str] = []
    start = prefix
    while len(names) < limit:
        ((name,),) = connection.execute(
            f"SELECT min({column}) {within}", (start, past_prefix)
        ).fetchall()
        if name is None:
            return names
        names.append(name)
        start = f"{name}\0"
    ((last,),) = connection.execute(
        f"SELECT max({column}) {within}", (start, past_prefix)
    ).fetchall()
    return names if last is None else [*names[:-1], last]


def account_exists(connection: sqlite3.Connection, account: str) -> bool:
    """Whether any user belongs to the account; an account is its users."""
    query = "SELECT 1 FROM users WHERE account = ? LIMIT 1"
    return bool(connection.execute(query, (account,)).fetchall())


def _near(connection: sqlite3.Connection, column: str, name: str) -> list[str]:
    slips = sorted(one_slip_away(name))
    marks = ", ".join("?" * len(slips))
    past_prefix = name + _LAST_CHARACTER
    rows = connection.execute(
        f"SELECT DISTINCT {column} FROM users WHERE {column} IN ({marks}) LIMIT ?",
        (*slips, _NEAR_AT_MOST),
    ).fetchall()
    rows += connection.execute(
        f"SELECT DISTINCT {column} FROM users WHERE {column} > ? AND {column} < ? "
        f"ORDER BY {column} LIMIT ?",
        (name, past_prefix, _NEAR_AT_MOST),
    ).fetchall()
    return list(dict.fromkeys(row[0] for row in rows))[:_NEAR_AT_MOST]
