"""What adding, editing and switching off make of a user's record; never of its counter."""

from __future__ import annotations

from pincli.models import EventKind, NewEvent, User, UserType
from pincli.rules.lockout import Step, without_pin
from pincli.rules.states import TYPES_WITH_PINS


def newcomer(
    uid: bytes,
    blind: bytes,
    *,
    account: str,
    login: str,
    display_name: str,
    email: str | None,
    user_type: UserType,
    active: bool = True,
    at: str,
) -> User:
    """The record of a user who was not there, without a PIN.

    Args:
        uid: 16 random bytes.
        blind: 16 others.
        account: Canonical.
        login: Canonical.
        display_name: Cleaned; may be empty.
        email: For finding them.
        user_type: Decides whether they can have a PIN.
        active: Whether they may call.
        at: ISO 8601, UTC.
    """
    return User(0, uid, blind, account, login, display_name, email, user_type, active, at)


def switched(user: User, *, active: bool, reason: str | None) -> Step:
    """A user is activated or deactivated; nothing where they are so already.

    Deactivating withdraws the PIN: somebody who comes back, or inherits the login, opens
    another.
    """
    if user.active == active:
        return ()
    now = user._replace(active=active)
    kind = EventKind.ACTIVATED if active else EventKind.DEACTIVATED
    return _without_idle_pin((NewEvent(kind, now, reason=reason),), now)


def edited(
    user: User, *, account: str, display_name: str, email: str | None, user_type: UserType
) -> Step:
    """What the record says of a user changes; nothing where it says so already.

    A user who becomes of a type without PINs loses theirs, as such users never have one.
    """
    now = user._replace(account=account, display_name=display_name, email=email, type=user_type)
    step: Step = () if now == user else (NewEvent(EventKind.USER_UPDATED, now),)
    return _without_idle_pin(step, now)


def takes_the_pin(user: User, *, active: bool, user_type: UserType) -> bool:
    """Whether an edit to these values would withdraw the user's PIN."""
    return user.question is not None and not (active and user_type in TYPES_WITH_PINS)


def _without_idle_pin(step: Step, now: User) -> Step:
    if takes_the_pin(now, active=now.active, user_type=now.type):
        return (*step, NewEvent(EventKind.PIN_WITHDRAWN, without_pin(now)))
    return step
