"""What adding, editing and switching off make of a user's record; never of its counter."""

from __future__ import annotations

from pincli.models import EventKind, NewEvent, User, UserType
from pincli.rules.lockout import Step, without_pin
from pincli.rules.states import TYPES_WITH_PINS


def newcomer(
    login: str,
    account: str,
    display_name: str,
    user_type: UserType,
    *,
    active: bool = True,
    at: str,
) -> User:
    """The record of a user who was not there; without a PIN."""
    return User(
        id=0,
        login=login,
        account=account,
        display_name=display_name,
        type=user_type,
        active=active,
        added_at=at,
        pin=None,
        pin_version=0,
        failed_attempts=0,
        open_attempt=None,
        locked_since=None,
        last_locked_at=None,
        last_attempt_at=None,
        last_attempt_by=None,
        last_verified_at=None,
        last_verified_by=None,
        locks_total=0,
        attempts_total=0,
    )


def switched(user: User, *, active: bool, reason: str | None) -> Step:
    """A user is activated or deactivated; nothing where they are so already."""
    if user.active == active:
        return ()
    kind = EventKind.ACTIVATED if active else EventKind.DEACTIVATED
    return (NewEvent(kind, user._replace(active=active), reason=reason),)


def edited(user: User, *, account: str, display_name: str, user_type: UserType) -> Step:
    """What the record says of a user changes; nothing where it says so already.

    A user who becomes of a type without PINs loses theirs, as such users never have one.
    """
    now = user._replace(account=account, display_name=display_name, type=user_type)
    step: Step = () if now == user else (NewEvent(EventKind.USER_UPDATED, now),)
    if now.pin is not None and user_type not in TYPES_WITH_PINS:
        step = (*step, NewEvent(EventKind.PIN_WITHDRAWN, without_pin(now)))
    return step
