"""Writing one chunk of an import: users are added and updated, and nothing else changes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

from pincli.errors import Refused, Rule
from pincli.models import EventKind, NewEvent, User
from pincli.rules import lockout
from pincli.rules.people import SameLogin, edited, switched, takes_the_pin, whose
from pincli.store.scratch import StagedRow

if TYPE_CHECKING:
    from pincli.store.contract import Transaction

_RANDOM_BYTES = 16


class Fate(Enum):
    """What an import does with a row."""

    ADDED = auto()
    UPDATED = auto()
    UNCHANGED = auto()


def fate_of(row: StagedRow, present: User | None) -> Fate:
    """Return what an import does with a row, given the user's present record."""
    if present is None:
        return Fate.ADDED
    return Fate.UPDATED if _updated(present, row) else Fate.UNCHANGED


def by_login(users: Iterable[User]) -> dict[str, dict[str, User]]:
    """Return users by login, then by account."""
    found: dict[str, dict[str, User]] = {}
    for user in users:
        found.setdefault(user.login, {})[user.account] = user
    return found


def take_in(
    transaction: Transaction,
    rows: Sequence[StagedRow],
    in_file: Mapping[str, set[str]],
    *,
    same_login: SameLogin,
    tampered: list[str] | None = None,
) -> list[Fate]:
    """Add and update users. Counters, locks and PINs stay.

    A user who is deactivated, or gets a type without PINs, loses the PIN.

    Each of the checked rows is another person's. `in_file` has the file's accounts for each login.

    Raises:
        Refused: Since the check, it has become unclear which user a row means.
    """
    left_out: list[str] = [] if tampered is None else tampered
    already = len(left_out)
    present = by_login(transaction.named(list(in_file), tampered))
    untouched = set(left_out[already:])
    random = os.urandom(2 * _RANDOM_BYTES * len(rows))
    events: list[NewEvent] = []
    fates = []
    for number, row in enumerate(rows):
        if row.user in untouched:
            continue
        user = whose(row.account, present.get(row.user, {}), in_file[row.user], same_login)
        if isinstance(user, list):
            raise Refused(Rule.WOULD_MOVE, row.user)
        if user is None:
            start = 2 * _RANDOM_BYTES * number
            events.append(_added(row, random[start : start + 2 * _RANDOM_BYTES], transaction.at))
            fates.append(Fate.ADDED)
            continue
        if not _updated(user, row):
            fates.append(Fate.UNCHANGED)
            continue
        active = user.active if row.active is None else row.active
        withdraws = takes_the_pin(user, active=active, user_type=row.type)
        update = partial(_updated, row=row)
        step, _ = lockout.ended_first(user, update, withdraws=withdraws, at=transaction.at)
        events += step
        fates.append(Fate.UPDATED)
    transaction.save(events)
    return fates


def _added(row: StagedRow, random: bytes, at: str) -> NewEvent:
    user = User(
        0,
        random[:_RANDOM_BYTES],
        random[_RANDOM_BYTES:],
        account=row.account,
        login=row.user,
        display_name=row.name,
        email=row.email or None,
        type=row.type,
        active=row.active is not False,
        added_at=at,
    )
    return NewEvent(EventKind.USER_ADDED, user)


def _updated(user: User, row: StagedRow) -> lockout.Step:
    step = edited(
        user,
        account=row.account,
        display_name=row.name,
        email=user.email if row.email is None else row.email or None,
        type=row.type,
    )
    if row.active is None:
        return step
    now = lockout.after(user, step)
    return (*step, *switched(now, active=row.active, reason=None))
