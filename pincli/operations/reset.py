"""Resetting users: their PINs are withdrawn, and made anew when they next open them."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.models import PinOrigin, ResetUser, State, User
from pincli.operations.people import require_users
from pincli.operations.pins import at_present_version, prepare
from pincli.operations.session import Session
from pincli.rules.pins import generate
from pincli.rules.states import state_of


def plan(session: Session, names: Sequence[str]) -> list[User]:
    """The users that a reset of these names is about, as they are now.

    Raises:
        UnknownUser: Some are unknown; carries all of them.
    """
    return require_users(session, names)


def reset(
    session: Session, users: Sequence[User], *, unlock: bool, issue: bool, reason: str | None
) -> list[ResetUser]:
    """Withdraw the PINs of these users; a locked one stays locked unless `unlock`.

    Args:
        session: Opened with Need.WRITE, and with Need.SET_PIN for `issue`.
        users: Whom.
        unlock: Whether locked users are released too.
        issue: Whether a new PIN is generated at once, for those who can have one.
        reason: Why, cleaned; it stands on every event.
    """
    if issue:
        return [_issue(session, user, unlock=unlock, reason=reason) for user in users]
    if len(users) == 1:
        with session.store.holding(users[0]) as user:
            changes = session.store.withdraw([user], unlock=unlock, reason=reason)
    else:
        changes = session.store.withdraw(users, unlock=unlock, reason=reason)
    return [ResetUser(change) for change in changes]


def _issue(session: Session, user: User, *, unlock: bool, reason: str | None) -> ResetUser:
    def step(present: User) -> ResetUser:
        if state_of(present) in (State.INACTIVE, State.INELIGIBLE):
            (change,) = session.store.withdraw([present], unlock=unlock, reason=reason)
            return ResetUser(change)
        pin = generate()
        new = prepare(session, present, pin, PinOrigin.GENERATED)
        return ResetUser(session.store.issue(present, new, unlock=unlock, reason=reason), pin)

    with session.store.holding(user) as held:
        return at_present_version(session, held, step)
