"""Taking in a chunk of an import: users are added and updated, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from pincli.errors import Refused, Rule
from pincli.models import EventKind, NewEvent, User
from pincli.rules import lockout
from pincli.rules.people import edited, newcomer, switched
from pincli.store.contract import Transaction
from pincli.store.scratch import StagedRow


class Fate(Enum):
    """What an import makes of one row."""

    ADDED = auto()
    UPDATED = auto()
    UNCHANGED = auto()


def fate_of(row: StagedRow, present: User | None) -> Fate:
    """What an import makes of a row, given the user's present record."""
    if present is None:
        return Fate.ADDED
    return Fate.UPDATED if _update(row, present) else Fate.UNCHANGED


def take_in(transaction: Transaction, rows: Sequence[StagedRow], *, allow_move: bool) -> list[Fate]:
    """Add and update users. Counters and locks stay as they are, and so do PINs.

    One exception: a user who becomes of a type without PINs loses theirs, here and now.

    Raises:
        Refused: A user has moved to another account since the rows were checked.
    """
    present = transaction.named([row.user for row in rows])
    events: list[NewEvent] = []
    fates = []
    for row in rows:
        user = present.get(row.user)
        if user is not None and user.account != row.account and not allow_move:
            raise Refused(Rule.WOULD_MOVE, row.user)
        step = _added(row, transaction.at) if user is None else _update(row, user)
        events += step
        fates.append(Fate.ADDED if user is None else Fate.UPDATED if step else Fate.UNCHANGED)
    transaction.save(events)
    return fates


def _added(row: StagedRow, at: str) -> lockout.Step:
    active = row.active is not False
    user = newcomer(row.user, row.account, row.name, row.type, active=active, at=at)
    return (NewEvent(EventKind.USER_ADDED, user),)


def _update(row: StagedRow, user: User) -> lockout.Step:
    step = edited(user, account=row.account, display_name=row.name, user_type=row.type)
    if row.active is None:
        return step
    now = lockout.after(user, step)
    return (*step, *switched(now, active=row.active, reason=None))
