"""Rows of the database as values of models.py, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from pincli.models import PinOrigin, TrailEvent, User, UserType

Row = Sequence[Any]
Rows = Callable[..., list[Any]]
"""Runs a query: `rows(query, parameters, make)` returns `make(row)` for each row."""

USER_COLUMNS = User._fields
TRAIL_COLUMNS = TrailEvent._fields
USER = ", ".join(USER_COLUMNS)
NAME_COLUMNS = ("login", "display_name", "email", "account")
"""The columns that search words come from. An attempt changes none of them."""
TRAIL = ", ".join(TRAIL_COLUMNS)

# An event in lists: with the user's present login, or the unknown name that was typed.
EVENT = (
    "t.number, t.at, t.agent, t.command, t.kind, coalesce(p.login, x.name), t.account, "
    "t.attempt, t.outcome, t.counter, t.pin_version, coalesce(x.reason, t.note), x.ticket, t.link"
)
LISTED = "trail t LEFT JOIN people p ON p.uid = t.uid LEFT JOIN texts x ON x.number = t.number"

LAST_SEALED = (
    "SELECT number, link, seal FROM trail WHERE seal IS NOT NULL ORDER BY number DESC LIMIT 1"
)
START = "SELECT start_number, start_link, start_seal FROM store"
# The index's own condition, word for word, or SQLite wouldn't use that partial index.
OF_NOTE = (
    "kind IN ('incorrect', 'locked', "
    "'locked_by_hand', 'unlocked', 'refused', 'restored', 'audited', 'acknowledged')"
)

# Events of schema 1 are kept unchanged.
OLD_EVENT = (
    'seq, at, agent, command, kind, "user", account, attempt, outcome, attempts_used, '
    "pin_version, reason, ticket, mac"
)

_TYPE, _ACTIVE = USER_COLUMNS.index("type"), USER_COLUMNS.index("active")
_SET_BY = USER_COLUMNS.index("pin_set_by")
_never_null = itemgetter(
    *(
        USER_COLUMNS.index(column)
        for column in (
            *("id", "uid", "account", "login", "display_name", "type", "active", "added_at"),
            *("pin_version", "failed_attempts", "locks_total", "attempts_total", "event"),
        )
    )
)
# A look-up is five times as fast as calling the enum.
_TYPES = {kind.value: kind for kind in UserType}
_ORIGINS = {origin.value: origin for origin in PinOrigin}
_LOGIN, _ACCOUNT = USER_COLUMNS.index("login"), USER_COLUMNS.index("account")
_BYTES = ("uid", "blind", "pin_check", "pin_proof", "sealed", "barred_check", "attempt_answer")
_not_bytes = itemgetter(*(place for place, name in enumerate(USER_COLUMNS) if name not in _BYTES))


class SpoiltRow(Exception):
    """A row holds what pincli never writes: something else has changed it."""


def user_from(row: Row) -> User:
    """Return the user in a row that begins with USER_COLUMNS."""
    values = list(row[: len(USER_COLUMNS)])
    if None in _never_null(values):  # a server's owner can drop a NOT NULL
        raise SpoiltRow(f"user {values[0]} lacks what every user has")
    try:
        values[_TYPE] = _TYPES[values[_TYPE]]
        if values[_SET_BY] is not None:
            values[_SET_BY] = _ORIGINS[values[_SET_BY]]
    except KeyError as error:
        raise SpoiltRow(f"user {values[0]} has the unknown word {error}") from None
    values[_ACTIVE] = bool(values[_ACTIVE])
    return User._make(values)


def user_to_show(row: Row) -> User:
    """Return the user in a row whose digest isn't checked.

    Raises:
        SpoiltRow: As in `user_from`, or a text is not UTF-8.
    """
    if bytes in map(type, _not_bytes(row)):
        raise SpoiltRow(f"user {row[0]} has a text that is not UTF-8")
    return user_from(row)


def login_in(row: Row) -> str:
    """Return the login in a row that may be unreadable otherwise."""
    login = row[_LOGIN]
    return login.decode(errors="replace") if isinstance(login, bytes) else str(login)


def place_in_order(row: Row) -> tuple[Any, Any]:
    """Return login and account in a row, unchecked."""
    return row[_LOGIN], row[_ACCOUNT]


def row_of(user: User) -> list[Any]:
    """Return a user as a row of USER_COLUMNS."""
    values = list(user)
    values[_TYPE] = user.type.value
    values[_ACTIVE] = int(user.active)
    if user.pin_set_by is not None:
        values[_SET_BY] = user.pin_set_by.value
    return values


def placeholders(values: Sequence[object]) -> str:
    """Return as many placeholders as there are values."""
    return ", ".join("?" * len(values))
