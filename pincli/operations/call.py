"""Calls both ways: the portal shows the customer that support is really calling."""

from __future__ import annotations

from pincli.models import User
from pincli.operations.people import require_user
from pincli.operations.session import Session


def begin(session: Session, name: str, ref: str | None, *, account: str | None = None) -> User:
    """Begin a call with a user; the record afterwards.

    Args:
        session: Opened with Need.ATTEMPT.
        name: The user, in whatever spelling.
        ref: The ticket, masked; the customer sees it.
        account: The user's, where several have one of that login.

    Raises:
        UnknownUser: There is no such user.
    """
    user = require_user(session, name, account=account, ticket=ref)
    return session.attempts.begin_call(user, ref=ref)


def end(
    session: Session, name: str, *, anybodys: bool, account: str | None = None
) -> tuple[User, bool]:
    """End the call with a user.

    Args:
        session: Opened with Need.ATTEMPT.
        name: The user, in whatever spelling.
        anybodys: Whether another agent's call may be ended.
        account: The user's, where several have one of that login.

    Returns:
        The record afterwards, and whether there was a call.

    Raises:
        UnknownUser: There is no such user.
        Refused: Another agent is calling; this is recorded.
    """
    user = require_user(session, name, account=account)
    return session.attempts.end_call(user, anybodys=anybodys)
