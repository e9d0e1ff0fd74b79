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

    Raises:
        StoreTampered: Some records were changed behind the trail; everybody else is done.
    """
    session.store.prepare_for_bulk()
    done = in_chunks(
        users.following,
        lambda rows: session.store.write(
            steps.set_active,
            rows,
            active=active,
            reason=reason,
            uids=users.uids(rows),
            tampered=session.left_out,
        ),
        total=len(users),
        progress=progress,
    )
    switched = sum(change.before != change.after for changes in done for change in changes)
    session.require_none_left_out()
    return switched
