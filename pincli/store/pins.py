"""Setting, showing and withdrawing a PIN, and releasing its lock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pincli.errors import KeyChanged, PinChangedMeanwhile, Refused, Rule
from pincli.models import Change, EventKind, NewPin, PinOrigin, User
from pincli.rules.lockout import is_locked
from pincli.rules.resets import withdrawn
from pincli.store.transaction import NewEvent, Transaction

_KINDS = {
    PinOrigin.GENERATED: EventKind.PIN_GENERATED,
    PinOrigin.CUSTOMER: EventKind.PIN_CHANGED,
}


def set_pin(transaction: Transaction, row: int, pin: NewPin, *, clear_counter: bool) -> User:
    """Write a PIN: verifier, seal, version and event, all in this transaction.

    Args:
        transaction: The transaction to write in.
        row: The user's row.
        pin: The PIN, made for the version that follows the present one.
        clear_counter: Whether the counter goes to 0, as for the customer's own choice.

    Raises:
        PinChangedMeanwhile: The version is no longer the one that it was made for: the
            loser of two first looks reads the winner's PIN.
    """
    _write(transaction, row, pin)
    if clear_counter:
        _clear_counter(transaction, row)
    user = transaction.user(row)
    transaction.record(_KINDS[pin.set_by], user)
    return user


def issue(
    transaction: Transaction,
    pins: Sequence[tuple[int, NewPin]],
    *,
    wanted: Callable[[User], bool],
    counter: Callable[[User], User],
    reason: str | None,
) -> list[Change]:
    """Give users new PINs that they didn't choose themselves.

    Args:
        transaction: The transaction to write in.
        pins: Row and PIN, each made for the version that follows the row's present one.
        wanted: Whether a user, as the record is now, is to have theirs.
        counter: What becomes of a record's counter.
        reason: Why; stands on every event of it.

    Returns:
        The record before and after of those written. A PIN that was made for another
        version than is present now is left out: prepare it again.
    """
    prepared = dict(pins)
    before = [
        user
        for user in transaction.users(sorted(prepared))
        if user.pin_version == prepared[user.id].version - 1 and wanted(user)
    ]
    for user in before:
        _write(transaction, user.id, prepared[user.id])
    _write_counters(transaction, [counter(user) for user in before])
    after = transaction.users([user.id for user in before])
    changes = [Change(*pair) for pair in zip(before, after, strict=True)]
    events: list[NewEvent] = []
    for change in changes:
        events += _unlocked(change, reason)
        kind = _KINDS[prepared[change.after.id].set_by]
        events.append(NewEvent(kind, change.after, reason=reason))
    transaction.record_all(events)
    return changes


def note_shown(transaction: Transaction, user: User) -> None:
    """Record that the customer sees the PIN, if it is still the one that was read.

    Raises:
        PinChangedMeanwhile: It was withdrawn or replaced meanwhile.
    """
    now = transaction.user(user.id)
    if now.pin_version != user.pin_version:
        raise PinChangedMeanwhile
    transaction.record(EventKind.PIN_SHOWN, now)


def withdraw(
    transaction: Transaction, rows: Sequence[int], *, unlock: bool, reason: str | None
) -> list[Change]:
    """Reset users: no PIN any more, and the counter at 0, but a locked user stays locked.

    Attempts in flight are left alone: their settle reads the record again.

    Args:
        transaction: The transaction to write in.
        rows: The users' rows.
        unlock: Whether locked users are released too.
        reason: Why; stands on every event of it.

    Returns:
        Each record before and after; they are equal if there was nothing to do.
    """
    before = transaction.users(rows)
    changes = [Change(user, withdrawn(user, unlock=unlock)) for user in before]
    real = [change for change in changes if change.before != change.after]
    write_withdrawals(transaction, real)
    _write_counters(transaction, [change.after for change in real])
    events: list[NewEvent] = []
    for change in real:
        events += _unlocked(change, reason)
        kind = EventKind.RESET if change.before.pin is None else EventKind.PIN_WITHDRAWN
        events.append(NewEvent(kind, change.after, reason=reason))
    transaction.record_all(events)
    return changes


def unlock(transaction: Transaction, row: int, reason: str) -> User:
    """Release a lock. The counter decides, also for an inactive user.

    Raises:
        Refused: The counter is below six; nothing is changed.
    """
    before = transaction.user(row)
    if not is_locked(before.failed_attempts):
        raise Refused(Rule.NOT_LOCKED, before.login)
    _clear_counter(transaction, row)
    user = transaction.user(row)
    transaction.record(EventKind.UNLOCKED, user, reason=reason)
    return user


def write_withdrawals(transaction: Transaction, changes: Sequence[Change]) -> None:
    """Remove the PINs of those records that lose theirs; the events are the caller's."""
    transaction.connection.executemany(
        "UPDATE users SET verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL, "
        "pin_set_at = NULL, pin_set_by = NULL, pin_version = ? WHERE id = ?",
        [(c.after.pin_version, c.after.id) for c in changes if loses_pin(c)],
    )


def loses_pin(change: Change) -> bool:
    """Whether a change withdraws a PIN."""
    return change.before.pin is not None and change.after.pin is None


def _clear_counter(transaction: Transaction, row: int) -> None:
    transaction.connection.execute(
        "UPDATE users SET failed_attempts = 0, locked_since = NULL WHERE id = ?", (row,)
    )


def _write_counters(transaction: Transaction, users: Sequence[User]) -> None:
    transaction.connection.executemany(
        "UPDATE users SET failed_attempts = ?, locked_since = ? WHERE id = ?",
        [(user.failed_attempts, user.locked_since, user.id) for user in users],
    )


def _unlocked(change: Change, reason: str | None) -> list[NewEvent]:
    """The event of a lock that was released, if one was."""
    if is_locked(change.before.failed_attempts) and not is_locked(change.after.failed_attempts):
        return [NewEvent(EventKind.UNLOCKED, change.after, reason=reason)]
    return []


def _write(transaction: Transaction, row: int, pin: NewPin) -> None:
    identity = transaction.identity
    # A key rotated since this process loaded it must not come into use again.
    if (pin.verify_key, pin.portal_key) != (identity.verify_key, identity.portal_key):
        raise KeyChanged
    changed = transaction.connection.execute(
        "UPDATE users SET verifier = ?, verify_key = ?, sealed = ?, portal_key = ?, "
        "pin_set_at = ?, pin_set_by = ?, pin_version = ? WHERE id = ? AND pin_version = ?",
        (
            pin.verifier,
            pin.verify_key,
            pin.sealed,
            pin.portal_key,
            transaction.at,
            pin.set_by.value,
            pin.version,
            row,
            pin.version - 1,
        ),
    ).rowcount
    if changed != 1:
        raise PinChangedMeanwhile
