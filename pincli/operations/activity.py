"""Switching many users off or on."""

from __future__ import annotations

from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.selection import Selection
from pincli.operations.session import Session
from pincli.store.steps import people as steps


def set_active_many(
    session: Session,
    users: Selection,
    *,
    active: bool,
    reason: str | None,
    progress: Progress = no_progress,
) -> int:
    """Deactivate or activate users in chunks.

    Returns:
        How many were not so before.
    """
    session.store.prepare_for_bulk()
    chunks = in_chunks(
        users.following,
        lambda rows: session.store.write(steps.set_active, rows, active=active, reason=reason),
        total=len(users),
        progress=progress,
    )
    return sum(change.before != change.after for changes in chunks for change in changes)
