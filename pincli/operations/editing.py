"""Changing users' records: edit, deactivate and activate many, erase."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pincli.errors import Refused, Rule
from pincli.models import Change, User
from pincli.operations.chunks import Progress, in_chunks, no_progress
from pincli.operations.people import require_user
from pincli.operations.selection import Selection
from pincli.operations.session import Session, unless_refused
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
    """Set `account`, `login`, `display_name`, `email` or `type` of a user to a canonical value.

    Raises:
        Refused: The account has another user of that login.
    """
    user = require_user(session, name, account=account)
    return unless_refused(session.store.write(steps.edit, user, fields, reason=reason))


def set_active_many(
    session: Session,
    users: Selection,
    *,
    active: bool,
    reason: str | None,
    progress: Progress = no_progress,
) -> int:
    """Deactivate or activate users in chunks; return how many changed.

    Raises:
        StoreTampered: Some records were changed behind the trail; all others are done.
    """
    session.store.prepare_for_bulk()
    chunks = in_chunks(
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
    switched = sum(change.before != change.after for changes in chunks for change in changes)
    session.require_none_left_out()
    return switched


def require_erasable(session: Session, name: str, *, account: str | None = None) -> User:
    """Return the user of that name.

    Raises:
        Refused: The user is active.
    """
    user = require_user(session, name, account=account)
    if user.active:
        raise Refused(Rule.STILL_ACTIVE, user.login)
    return user


def erase(session: Session, user: User) -> Erased:
    """Remove what names a person; their events stay, under a random number.

    Raises:
        Refused: The user is active.
    """
    erased = unless_refused(session.store.write(steps.erase, user))
    count, last = session.store.trail.old_events_of(user.login)
    moment = moment_of(last or "")
    day = None if moment is None else (moment + timedelta(days=1)).date().isoformat()
    return Erased(erased, count, day)
