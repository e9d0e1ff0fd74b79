"""Reset users by name in one call, and check the PINs that come of it."""

from __future__ import annotations

from pincli.models import User
from pincli.operations.reset import ResetOrder, reset
from pincli.operations.selection import select
from pincli.operations.session import Session
from pincli.results import ResetUser
from pincli.rules.lockout import check_of
from tests.store.attempting import answer_of


def reset_named(
    session: Session,
    *names: str,
    unlock: bool = False,
    issue: bool = False,
    reason: str | None = None,
) -> list[ResetUser]:
    with select(session, names=names) as selection:
        groups = reset(session, selection, ResetOrder(unlock, issue, reason))
        return [result for group in groups for result in group]


def verifies(session: Session, user: User, pin: str) -> bool:
    """Whether a PIN is the user's present one."""
    answer = answer_of(session, user, pin)
    return answer is not None and check_of(answer) == user.pin_check
