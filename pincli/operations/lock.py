"""Locking by hand: an agent smells a rat."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.models import User
from pincli.operations.session import Session


def lock(session: Session, users: Sequence[User], reason: str) -> list[tuple[User, bool]]:
    """Lock users in whatever state, each in a transaction of its own.

    Args:
        session: Opened with Need.ATTEMPT.
        users: Whom.
        reason: Why, cleaned; each event has it.

    Returns:
        Each record afterwards, and whether it was not locked before.
    """
    return [session.attempts.lock(user, reason=reason) for user in users]
