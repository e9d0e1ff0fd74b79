"""Taking in a chunk of an import: users are added and updated, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from pincli.errors import Refused, Rule
from pincli.models import Change, EventKind, User
from pincli.rules.imports import imported, newcomer
from pincli.store.pins import loses_pin, write_withdrawals
from pincli.store.rows import find_users
from pincli.store.staging import StagedRow
from pincli.store.transaction import NewEvent, Transaction


class Fate(Enum):
    """What an import makes of one row."""

    ADDED = auto()
    UPDATED = auto()
    UNCHANGED = auto()


def fate_of(row: StagedRow, present: User | None) -> Fate:
    """What an import makes of a row, given the user's present record."""
    if present is None:
        return Fate.ADDED
    return Fate.UNCHANGED if _updated(row, present) is present else Fate.UPDATED


def take_in(transaction: Transaction, rows: Sequence[StagedRow], *, allow_move: bool) -> list[Fate]:
    """Add and update users. Counters and locks stay as they are, and so do PINs.

    One exception: a user who becomes of a type without PINs loses theirs, here and now.

    Raises:
        Refused: A user has moved to another account since the rows were checked.
    """
    present = {
        user.login: user for user in find_users(transaction.connection, [row.user for row in rows])
    }
    added: list[User] = []
    changes: list[Change] = []
    fates = []
    for row in rows:
        before = present.get(row.user)
        fates.append(fate_of(row, before))
        if before is None:
            added.append(
                newcomer(row.user, row.account, row.name, row.type, row.active, transaction.at)
            )
            continue
        if before.account != row.account and not allow_move:
            raise Refused(Rule.WOULD_MOVE, row.user)
        after = _updated(row, before)
        if after is not before:
            changes.append(Change(before, after))
    _insert(transaction, added)
    _update(transaction, changes)
    return fates


def _updated(row: StagedRow, present: User) -> User:
    return imported(present, row.account, row.name, row.type, row.active)


def _insert(transaction: Transaction, users: Sequence[User]) -> None:
    transaction.connection.executemany(
        "INSERT INTO users (user, account, name, type, active, added_at) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (u.login, u.account, u.display_name, u.type.value, int(u.active), u.added_at)
            for u in users
        ],
    )
    transaction.record_all([NewEvent(EventKind.USER_ADDED, user) for user in users])


def _update(transaction: Transaction, changes: Sequence[Change]) -> None:
    users = [change.after for change in changes]
    transaction.connection.executemany(
        "UPDATE users SET account = ?, name = ?, type = ?, active = ? WHERE id = ?",
        [(u.account, u.display_name, u.type.value, int(u.active), u.id) for u in users],
    )
    write_withdrawals(transaction, changes)
    transaction.record_all([event for change in changes for event in _events(change)])


def _events(change: Change) -> list[NewEvent]:
    before, after = change
    kinds = []
    if (before.account, before.display_name, before.type) != (
        after.account,
        after.display_name,
        after.type,
    ):
        kinds.append(EventKind.USER_UPDATED)
    if before.active != after.active:
        kinds.append(EventKind.ACTIVATED if after.active else EventKind.DEACTIVATED)
    if loses_pin(change):
        kinds.append(EventKind.PIN_WITHDRAWN)
    return [NewEvent(kind, after) for kind in kinds]
