"""Taking in a chunk of an import: users are added and updated, and nothing else is touched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from pincli.errors import Refused, Rule
from pincli.models import EventKind, NewEvent, User
from pincli.rules import lockout
from pincli.rules.people import edited, newcomer, switched, takes_the_pin
from pincli.store.scratch import StagedRow

if TYPE_CHECKING:
    from pincli.store.contract import Transaction

_RANDOM_BYTES = 16


class Fate(Enum):
    """What an import makes of one row."""

    ADDED = auto()
    UPDATED = auto()
    UNCHANGED = auto()


def fate_of(row: StagedRow, present: User | None) -> Fate:
    """What an import makes of a row, given the user's present record."""
    if present is None:
        return Fate.ADDED
    return Fate.UPDATED if _updated(present, row) else Fate.UNCHANGED


def take_in(
    transaction: Transaction,
    rows: Sequence[StagedRow],
    *,
    allow_move: bool,
    tampered: list[str] | None = None,
) -> list[Fate]:
    """Add and update users. Counters and locks stay as they are, and so do PINs.

    Except that a user who is deactivated, or becomes of a type without PINs, loses theirs.

    Args:
        transaction: The transaction to write in.
        rows: Checked rows, each of another login.
        allow_move: Whether users may move to another account.
        tampered: Gets the logins of records that were tampered with, which are left out.

    Raises:
        Refused: A user has moved to another account since the rows were checked.
    """
    left_out: list[str] = [] if tampered is None else tampered
    already = len(left_out)
    accounts = {row.user: row.account for row in rows}
    present: dict[str, User] = {}
    for each in transaction.named(list(accounts), tampered):
        if each.login not in present or each.account == accounts[each.login]:
            present[each.login] = each
    untouched = set(left_out[already:])
    random = os.urandom(2 * _RANDOM_BYTES * len(rows))
    events: list[NewEvent] = []
    fates = []
    for number, row in enumerate(rows):
        if row.user in untouched:
            continue
        user = present.get(row.user)
        if user is None:
            start = 2 * _RANDOM_BYTES * number
            events.append(_added(row, random[start : start + 2 * _RANDOM_BYTES], transaction.at))
            fates.append(Fate.ADDED)
            continue
        if user.account != row.account and not allow_move:
            raise Refused(Rule.WOULD_MOVE, row.user)
        if not _updated(user, row):
            fates.append(Fate.UNCHANGED)
            continue
        active = user.active if row.active is None else row.active
        withdraws = takes_the_pin(user, active=active, user_type=row.type)
        taking = partial(_updated, row=row)
        step, _ = lockout.ended_first(user, taking, withdraws=withdraws, at=transaction.at)
        events += step
        fates.append(Fate.UPDATED)
    transaction.save(events)
    return fates


def _added(row: StagedRow, random: bytes, at: str) -> NewEvent:
    user = newcomer(
        random[:_RANDOM_BYTES],
        random[_RANDOM_BYTES:],
        account=row.account,
        login=row.user,
        display_name=row.name,
        email=row.email or None,
        user_type=row.type,
        active=row.active is not False,
        at=at,
    )
    return NewEvent(EventKind.USER_ADDED, user)


def _updated(user: User, row: StagedRow) -> lockout.Step:
    step = edited(
        user,
        account=row.account,
        display_name=row.name,
        email=user.email if row.email is None else row.email or None,
        user_type=row.type,
    )
    if row.active is None:
        return step
    now = lockout.after(user, step)
    return (*step, *switched(now, active=row.active, reason=None))
