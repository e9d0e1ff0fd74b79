"""Resets by name, in one call."""

from __future__ import annotations

from pincli.models import ResetUser
from pincli.operations.reset import ResetOrder, reset
from pincli.operations.selection import select
from pincli.operations.session import Session


def reset_named(
    session: Session,
    *names: str,
    unlock: bool = False,
    issue: bool = False,
    reason: str | None = None,
) -> list[ResetUser]:
    """Reset these users, and give what became of each."""
    with select(session, names=names) as selection:
        groups = reset(session, selection, ResetOrder(unlock, issue, reason))
        return [result for group in groups for result in group]
