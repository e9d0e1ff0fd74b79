"""Adding, finding and (de)activating users."""

from __future__ import annotations

import sqlite3

from pincli.errors import Refused, Rule
from pincli.models import EventKind, User, UserType
from pincli.rules.names import one_slip_away
from pincli.store.transaction import Transaction

_NEAR_AT_MOST = 5


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


def set_active(transaction: Transaction, row: int, *, active: bool, reason: str | None) -> User:
    """Activate or deactivate a user; counter and PIN stay as they are.

    Returns:
        The record afterwards; nothing is written if it already was so.
    """
    if transaction.user(row).active != active:
        transaction.connection.execute(
            "UPDATE users SET active = ? WHERE id = ?", (int(active), row)
        )
        kind = EventKind.ACTIVATED if active else EventKind.DEACTIVATED
        transaction.record(kind, transaction.user(row), reason=reason)
    return transaction.user(row)


def near_users(connection: sqlite3.Connection, user: str) -> list[str]:
    """Up to five existing names that begin with this one or are one slip away from it."""
    return _near(connection, "user", user)


def near_accounts(connection: sqlite3.Connection, account: str) -> list[str]:
    """Up to five existing accounts that begin with this name or are one slip away from it."""
    return _near(connection, "account", account)


def account_exists(connection: sqlite3.Connection, account: str) -> bool:
    """Whether any user belongs to the account; an account is its users."""
    query = "SELECT 1 FROM users WHERE account = ? LIMIT 1"
    return bool(connection.execute(query, (account,)).fetchall())


def _near(connection: sqlite3.Connection, column: str, name: str) -> list[str]:
    slips = sorted(one_slip_away(name))
    marks = ", ".join("?" * len(slips))
    past_prefix = name + "\U0010ffff"
    rows = connection.execute(
        f"SELECT DISTINCT {column} FROM users WHERE {column} IN ({marks}) LIMIT ?",  # noqa: S608
        (*slips, _NEAR_AT_MOST),
    ).fetchall()
    rows += connection.execute(
        f"SELECT DISTINCT {column} FROM users WHERE {column} > ? AND {column} < ? "  # noqa: S608
        f"ORDER BY {column} LIMIT ?",
        (name, past_prefix, _NEAR_AT_MOST),
    ).fetchall()
    return list(dict.fromkeys(row[0] for row in rows))[:_NEAR_AT_MOST]
