"""Rows of the database as domain objects, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pincli.models import Event, EventKind, PinOrigin, StoredPin, User, UserType

T = TypeVar("T")
Row = Sequence[Any]
Rows = Callable[..., list[Any]]
"""How SQL is asked: `rows(query, parameters, make)` gives what `make` makes of each row."""

USER_COLUMNS = (
    "id", "user", "account", "name", "type", "active", "added_at",
    "verifier", "verify_key", "sealed", "portal_key", "pin_set_at", "pin_set_by",
    "pin_version", "failed_attempts", "open_attempt", "locked_since", "last_locked_at",
    "last_attempt_at", "last_attempt_by", "last_verified_at", "last_verified_by",
    "locks_total", "attempts_total",
)  # fmt: skip
EVENT_COLUMNS = (
    "seq", "at", "agent", "command", "kind", "user", "account", "attempt", "outcome",
    "attempts_used", "pin_version", "reason", "ticket", "mac",
)  # fmt: skip
USER = ", ".join(USER_COLUMNS)
EVENT = ", ".join(EVENT_COLUMNS)

# Calling the enum costs five times as much.
_TYPES = {kind.value: kind for kind in UserType}
_KINDS = {kind.value: kind for kind in EventKind}
_NO_PIN = (None,) * 6


class SpoiltRow(Exception):
    """A row holds what pincli never writes: it was changed by something else."""


def user_from(row: Row) -> User:
    """The user in a row of USER_COLUMNS."""
    (
        number, login, account, display_name, user_type, active, added_at,
        verifier, verify_key, sealed, portal_key, pin_set_at, pin_set_by,
        *rest,
    ) = row  # fmt: skip
    pin = None
    if verifier is not None:
        pin = StoredPin(verifier, verify_key, sealed, portal_key, pin_set_at, PinOrigin(pin_set_by))
    kind = _TYPES[user_type]
    return User(number, login, account, display_name, kind, bool(active), added_at, pin, *rest)


def row_of(user: User) -> Row:
    """A user as a row of USER_COLUMNS."""
    number, login, account, display_name, user_type, active, added_at, pin, *rest = user
    facts = (number, login, account, display_name, user_type.value, int(active), added_at)
    return (*facts, *((*pin[:-1], pin.set_by.value) if pin else _NO_PIN), *rest)


def event_from(row: Row) -> Event:
    """The event in a row of EVENT_COLUMNS."""
    seq, at, agent, command, kind, *rest = row
    known = _KINDS.get(kind)
    if known is None:
        raise SpoiltRow(f"event {seq} has a kind that pincli does not know")
    return Event(seq, at, agent, command, known, *rest)


def marks(values: Sequence[object]) -> str:
    """As many placeholders as there are values."""
    return ", ".join("?" * len(values))
