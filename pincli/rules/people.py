"""How edits and switching on and off change a user's record, but never its counter."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Any

from pincli.errors import Refused, Rule
from pincli.models import EventKind, NewEvent, User, UserType
from pincli.rules.lockout import TYPES_WITH_PINS, Step, without_pin
from pincli.rules.names import erased_login


class SameLogin(StrEnum):
    """What an import does with a login that another account has."""

    REFUSE = "refuse"
    NEW = "new"
    MOVE = "move"


def whose(
    account: str, named: Mapping[str, User], in_file: Set[str], same_login: SameLogin
) -> User | list[str] | None:
    """The user that a row of an import is about.

    Args:
        account: The row's.
        named: The users with the row's login, by account.
        in_file: The accounts in which the file has that login, each with a user of its own.
        same_login: What to do if another account has the login.

    Returns:
        The user; None for somebody new; or the other accounts, if it is not clear.
    """
    if not named or account in named:
        return named.get(account)
    others = sorted(named.keys() - in_file)
    if not others or same_login is SameLogin.NEW:
        return None
    if same_login is SameLogin.MOVE and len(others) == 1 and in_file - named.keys() == {account}:
        return named[others[0]]
    return others


def switched(user: User, *, active: bool, reason: str | None) -> Step:
    """A user is activated or deactivated, if they are not so already.

    Deactivating withdraws the PIN: a user who comes back, or inherits the login, opens another.
    An erased user is refused.
    """
    if user.active == active:
        return ()
    _refuse_erased(user)
    now = user._replace(active=active)
    kind = EventKind.ACTIVATED if active else EventKind.DEACTIVATED
    return _without_idle_pin((NewEvent(kind, now, reason=reason),), now)


def edited(user: User, *, reason: str | None = None, **fields: Any) -> Step:
    """A record gets new values for `account`, `login`, `display_name`, `email` or `type`.

    A change to a type without PINs withdraws the PIN. An erased user is refused.
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
