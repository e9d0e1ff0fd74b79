"""What a reset makes of a record."""

from __future__ import annotations

from pincli.models import User
from pincli.rules.lockout import is_locked


def withdrawn(user: User, *, unlock: bool) -> User:
    """The record after its PIN is withdrawn and its counter set to 0.

    A locked user stays at six: whoever locked it must not be let in by the reset. Only
    `unlock` releases it too.

    Returns:
        The record afterwards; equal to the one given if there is nothing to do.
    """
    return user._replace(
        pin=None,
        pin_version=user.pin_version + (user.pin is not None),
        **_counter(user, unlock=unlock),
    )


def reissued(user: User, *, unlock: bool) -> User:
    """The record after a reset whose new PIN is written by itself: the counter only."""
    return user._replace(**_counter(user, unlock=unlock))


def _counter(user: User, *, unlock: bool) -> dict[str, object]:
    if is_locked(user.failed_attempts) and not unlock:
        return {}
    return {"failed_attempts": 0, "locked_since": None}
