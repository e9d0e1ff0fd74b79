"""What an import makes of a record."""

from __future__ import annotations

from pincli.models import User, UserType
from pincli.rules.states import TYPES_WITH_PINS


def newcomer(
    user: str, account: str, name: str, user_type: UserType, active: bool | None, at: str
) -> User:
    """The record of a user who was not there; active unless the file says otherwise."""
    return User(
        id=0,
        login=user,
        account=account,
        display_name=name,
        type=user_type,
        active=active is not False,
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


def imported(
    present: User, account: str, name: str, user_type: UserType, active: bool | None
) -> User:
    """The record of a user who was there; its counter, its lock and its PIN stay.

    A user who becomes of a type without PINs loses theirs, as such users never have one.
    """
    active = present.active if active is None else active
    loses_pin = present.pin is not None and user_type not in TYPES_WITH_PINS
    facts = (account, name, user_type, active)
    if (
        facts == (present.account, present.display_name, present.type, present.active)
        and not loses_pin
    ):
        return present
    after = present._replace(account=account, display_name=name, type=user_type, active=active)
    if loses_pin:
        return after._replace(pin=None, pin_version=present.pin_version + 1)
    return after
