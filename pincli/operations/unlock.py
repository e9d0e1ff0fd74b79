"""Releasing a lock: by the customer in the portal, or by an admin with a reason on record."""

from __future__ import annotations

from typing import NoReturn

from pincli.errors import Refused, Rule
from pincli.models import EventKind, User
from pincli.operations.people import require_user
from pincli.operations.session import Session
from pincli.rules.lockout import is_locked


def require_locked(session: Session, name: str) -> User:
    """The user, if there is a lock to release; asked before the reason is.

    Raises:
        UnknownUser: There is no such user.
        Refused: The counter is below six.
    """
    user = require_user(session, name)
    if not is_locked(user.failed_attempts):
        _refuse(session, user)
    return user


def unlock(session: Session, name: str, reason: str) -> User:
    """Set a locked user's counter to 0; the PIN stays.

    Args:
        session: Opened with Need.WRITE.
        name: The user, in whatever spelling.
        reason: Why, cleaned; it stands on the event.

    Raises:
        UnknownUser: There is no such user.
        Refused: The counter is below six.
    """
    with session.store.holding(require_user(session, name)) as user:
        if not is_locked(user.failed_attempts):
            _refuse(session, user)
        return session.store.unlock(user, reason=reason)


def _refuse(session: Session, user: User) -> NoReturn:
    session.store.record(EventKind.REFUSED, user, outcome=Rule.NOT_LOCKED.name.lower())
    raise Refused(Rule.NOT_LOCKED, user.login)
