"""What a reset makes of a record."""

from __future__ import annotations

from pincli.models import User
from pincli.rules.lockout import is_locked


def withdrawn(user: User, *, unlock: bool) -> User:
    """The record after its PIN is withdrawn and its counter set to 0.

    Returns:
        The record afterwards; equal to the one given if there is nothing to do.
    """
    return reissued(user, unlock=unlock)._replace(
        pin=None, pin_version=user.pin_version + (user.pin is not None)
    )


def reissued(user: User, *, unlock: bool) -> User:
    """The record after a reset that writes a new PIN by itself: the counter only.

    A locked user stays at six: who locked it must not get new guesses by a reset. Only
    `unlock` releases it too.
    """
    if is_locked(user.failed_attempts) and not unlock:
        return user
    return user._replace(failed_attempts=0, locked_since=None)
