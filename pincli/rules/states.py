"""Who gets a PIN, and the state of a user's PIN as derived from the record."""

from __future__ import annotations

from pincli.models import State, User, UserType
from pincli.rules.lockout import is_locked

TYPES_WITH_PINS = frozenset({UserType.CLOUD, UserType.DEDICATED, UserType.FEDERATED})
"""Users of the other types are kept, and never have a PIN."""


def state_from(*, active: bool, user_type: UserType, failed_attempts: int, has_pin: bool) -> State:
    """The state that these facts of a record mean; the first that matches wins."""
    if not active:
        return State.INACTIVE
    if user_type not in TYPES_WITH_PINS:
        return State.INELIGIBLE
    if is_locked(failed_attempts):
        return State.LOCKED
    if not has_pin:
        return State.UNCOLLECTED
    return State.ACTIVE


def may_have_pin(user: User) -> bool:
    """Whether a PIN may be made for this user: active, and of a type with PINs."""
    return user.active and user.type in TYPES_WITH_PINS


def lacks_pin(user: User) -> bool:
    """Whether this user could have a PIN and has none; a locked one too."""
    return user.pin is None and may_have_pin(user)


def state_of(user: User, *, failed_attempts: int | None = None) -> State:
    """The user's state.

    Args:
        user: The record.
        failed_attempts: A counter to go by in place of the record's.
    """
    return state_from(
        active=user.active,
        user_type=user.type,
        failed_attempts=user.failed_attempts if failed_attempts is None else failed_attempts,
        has_pin=user.pin is not None,
    )
