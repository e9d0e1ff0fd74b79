"""Releasing a lock: by the customer in the portal, or by an admin with a reason on record."""

from __future__ import annotations

from pincli.models import User
from pincli.operations.people import require_user
from pincli.operations.session import Session
from pincli.rules.states import is_locked
from pincli.store.steps import pins


def require_locked(session: Session, name: str, *, account: str | None = None) -> User:
    """The user, if there is a lock to release; asked before the reason is.

    Raises:
        UnknownUser: There is no such user.
        Refused: The counter is below six.
    """
    user = require_user(session, name, account=account)
    if not is_locked(user):
        refusal = session.store.write(pins.refuse_unless_locked, user)
        if refusal is not None:
            raise refusal
    return user


def unlock(session: Session, name: str, reason: str, *, account: str | None = None) -> User:
    """Set a locked user's counter to 0; the PIN stays.

    Args:
        session: Opened with Need.WRITE.
        name: The user, in whatever spelling.
        reason: Why, cleaned; the event has it.
        account: The user's, where several have one of that login.

    Raises:
        UnknownUser: There is no such user.
        Refused: The counter is below six.
    """
    user = require_user(session, name, account=account)
    result = session.store.write(pins.unlock, user, reason=reason)
    if isinstance(result, User):
        return result
    raise result
