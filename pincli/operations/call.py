"""Calls to customers, who can check in the portal that support is really calling."""

from __future__ import annotations

from pincli.models import User
from pincli.operations.people import require_user
from pincli.operations.session import Session


def begin(session: Session, name: str, ref: str | None, *, account: str | None = None) -> User:
    """Begin a call with a user, who sees the ticket `ref`; return the record afterwards.

    The session needs Need.ATTEMPT.
    """
    user = require_user(session, name, account=account, ticket=ref)
    return session.attempts.begin_call(user, ref=ref)


def end(
    session: Session, name: str, *, any_agents: bool, account: str | None = None
) -> tuple[User, bool]:
    """End the call with a user, another agent's too if `any_agents`.

    The session needs Need.ATTEMPT.

    Returns:
        The record afterwards, and whether there was a call.

    Raises:
        Refused: Another agent is calling; this is recorded.
    """
    user = require_user(session, name, account=account)
    return session.attempts.end_call(user, any_agents=any_agents)
