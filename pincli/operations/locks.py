"""Locking by hand, and releasing a lock: in the portal, or by an admin with a reason."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.models import User
from pincli.operations.people import require_user
from pincli.operations.session import Session, unless_refused
from pincli.rules.lockout import is_locked
from pincli.store.steps import pins


def lock(session: Session, users: Sequence[User], reason: str) -> list[tuple[User, bool]]:
    """Lock users in any state, each in its own transaction; the session needs Need.ATTEMPT.

    Returns:
        Each record afterwards, and whether it was unlocked before.
    """
    return [session.attempts.lock(user, reason=reason) for user in users]


def require_locked(session: Session, name: str, *, account: str | None = None) -> User:
    """Return the user if there is a lock to release; called before asking for the reason.

    Raises:
        Refused: The counter is below six.
    """
    user = require_user(session, name, account=account)
    if not is_locked(user):
        refusal = session.store.write(pins.refuse_unless_locked, user)
        if refusal is not None:
            raise refusal
    return user


def unlock(session: Session, name: str, reason: str, *, account: str | None = None) -> User:
    """Set a locked user's counter to 0; the PIN stays. The session needs Need.WRITE.

    Raises:
        Refused: The counter is below six.
    """
    user = require_user(session, name, account=account)
    return unless_refused(session.store.write(pins.unlock, user, reason=reason))
