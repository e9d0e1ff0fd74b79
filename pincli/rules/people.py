"""What adding, editing and switching off make of a user's record; never of its counter."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Any

from pincli.errors import Refused, Rule
from pincli.models import EventKind, NewEvent, User, UserType
from pincli.rules.lockout import TYPES_WITH_PINS, Step, without_pin
from pincli.rules.names import erased_login


class SameLogin(StrEnum):
    """What an import does with a login that another account's user has."""

    REFUSE = "refuse"
    NEW = "new"
    MOVE = "move"


def whose(
    account: str, named: Mapping[str, User], in_file: Set[str], same_login: SameLogin
) -> User | list[str] | None:
    """Whom a row of an import is about.

    Args:
        account: The row's.
        named: The users of the row's login, by account.
        in_file: The accounts in which the file has that login: those are people of their own.
        same_login: What it means if another account has the login.

    Returns:
        The user; None for somebody new; or the accounts of those others, where it is not clear.
    """
    if not named or account in named:
        return named.get(account)
    others = sorted(named.keys() - in_file)
    if not others or same_login is SameLogin.NEW:
        return None
    if same_login is SameLogin.MOVE and len(others) == 1 and in_file - named.keys() == {account}:
        return named[others[0]]
    return others


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

    Raises:
        Refused: The user is erased: nobody becomes them again.
    """
    if user.active == active:
        return ()
    _refuse_erased(user)
    now = user._replace(active=active)
    kind = EventKind.ACTIVATED if active else EventKind.DEACTIVATED
    return _without_idle_pin((NewEvent(kind, now, reason=reason),), now)


def edited(user: User, *, reason: str | None = None, **fields: Any) -> Step:
    """What the record says of a user changes; nothing where it says so already.

    A user who becomes of a type without PINs loses theirs, as such users never have one.

    Args:
        user: The record.
        reason: Why.
        fields: What it says from now on: `account`, `login`, `display_name`, `email`, `type`.

    Raises:
        Refused: The user is erased.
    """
    now = user._replace(**fields)
    if now == user:
        return _without_idle_pin((), now)
    _refuse_erased(user)
    return _without_idle_pin((NewEvent(EventKind.USER_UPDATED, now, reason=reason),), now)


def takes_the_pin(user: User, *, active: bool, user_type: UserType) -> bool:
    """Whether an edit to these values would withdraw the user's PIN."""
    return user.question is not None and not (active and user_type in TYPES_WITH_PINS)


def _refuse_erased(user: User) -> None:
    if user.login == erased_login(user.uid):
        raise Refused(Rule.ERASED, user.login)


def _without_idle_pin(step: Step, now: User) -> Step:
    if takes_the_pin(now, active=now.active, user_type=now.type):
        return (*step, NewEvent(EventKind.PIN_WITHDRAWN, without_pin(now)))
    return step
