"""Changing a user's record, and erasing a user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pincli.errors import Refused, Rule
from pincli.models import Change, User
from pincli.operations.people import require_user
from pincli.operations.session import Session
from pincli.results import Erased
from pincli.rules.times import moment_of
from pincli.store.steps import people as steps


def edit(
    session: Session,
    name: str,
    fields: Mapping[str, Any],
    *,
    account: str | None = None,
    reason: str | None = None,
) -> Change:
    """Change what the record says of a user.

    Args:
        session: Opened with Need.WRITE.
        name: The login.
        fields: The new `account`, `login`, `display_name`, `email` or `type`, canonical.
        account: The user's, where several may have one of that login.
        reason: Why.

    Raises:
        Refused: The account has another user of that login.
    """
    user = require_user(session, name, account=account)
    change = session.store.write(steps.edit, user, fields, reason=reason)
    if not isinstance(change, Change):
        raise change
    return change


def require_erasable(session: Session, name: str, *, account: str | None = None) -> User:
    """The user of that name, who must not be active.

    Raises:
        Refused: They are.
    """
    user = require_user(session, name, account=account)
    if user.active:
        raise Refused(Rule.STILL_ACTIVE, user.login)
    return user


def erase(session: Session, user: User) -> Erased:
    """Remove what names a person; their events stay, about a random number.

    Raises:
        Refused: The user is active.
    """
    erased = session.store.write(steps.erase, user)
    if not isinstance(erased, User):
        raise erased
    count, last = session.store.trail.old_events_of(user.login)
    moment = moment_of(last or "")
    day = None if moment is None else (moment + timedelta(days=1)).date().isoformat()
    return Erased(erased, count, day)
