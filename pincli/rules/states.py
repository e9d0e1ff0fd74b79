"""Six, then locked; who gets a PIN; and a user's state, which is derived and never stored."""

from __future__ import annotations

from pincli.models import State, User, UserType

ATTEMPTS_ALLOWED = 6
"""Consecutive incorrect attempts after which a PIN is locked. The counter never exceeds it."""

TYPES_WITH_PINS = frozenset({UserType.CLOUD, UserType.DEDICATED, UserType.FEDERATED})
"""Users of the other types are kept, and never have a PIN."""


def is_locked(user: User) -> bool:
    """Whether the counter is at six. A sixth answer in flight is not a lock yet."""
    return user.failed_attempts >= ATTEMPTS_ALLOWED and user.attempt is None


def may_have_pin(user: User) -> bool:
    """Whether a PIN may be made for this user: active, and of a type with PINs."""
    return user.active and user.type in TYPES_WITH_PINS


def lacks_pin(user: User) -> bool:
    """Whether this user could have a PIN and has none; a locked one too."""
    return user.question is None and may_have_pin(user)


def state_of(user: User) -> State:
    """The user's state."""
    return state_from(
        active=user.active,
        user_type=user.type,
        locked=is_locked(user),
        has_pin=user.question is not None,
    )


def state_from(*, active: bool, user_type: UserType, locked: bool, has_pin: bool) -> State:
    """The state that these facts of a record mean; the first that matches wins."""
    if not active:
        return State.INACTIVE
    if user_type not in TYPES_WITH_PINS:
        return State.INELIGIBLE
    if locked:
        return State.LOCKED
    if not has_pin:
        return State.UNCOLLECTED
    return State.ACTIVE
