"""Setting, showing and withdrawing a PIN, and releasing its lock."""

from __future__ import annotations

from pincli.errors import PinChangedMeanwhile, Refused, Rule
from pincli.models import Change, EventKind, NewPin, PinOrigin, User
from pincli.rules.lockout import is_locked
from pincli.store.transaction import Transaction

_KINDS = {
    PinOrigin.GENERATED: EventKind.PIN_GENERATED,
    PinOrigin.CUSTOMER: EventKind.PIN_CHANGED,
}
_WITHDRAWN = (
    "verifier = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL, "
    "pin_set_at = NULL, pin_set_by = NULL, pin_version = pin_version + 1"
)


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
    transaction: Transaction, row: int, pin: NewPin, *, unlock: bool, reason: str | None
) -> Change:
    """Reset one user to a PIN that was generated for them, in place of a withdrawal.

    Args:
        transaction: The transaction to write in.
        row: The user's row.
        pin: The PIN, made for the version that follows the present one.
        unlock: Whether a locked user is released; otherwise the counter stays at six.
        reason: Why; stands on every event of it.

    Raises:
        PinChangedMeanwhile: The version is no longer the one that it was made for.
    """
    before = transaction.user(row)
    _write(transaction, row, pin)
    locked = is_locked(before.failed_attempts)
    if unlock or not locked:
        _clear_counter(transaction, row)
    user = transaction.user(row)
    if unlock and locked:
        transaction.record(EventKind.UNLOCKED, user, reason=reason)
    transaction.record(_KINDS[pin.set_by], user, reason=reason)
    return Change(before, user)


def note_shown(transaction: Transaction, user: User) -> None:
    """Record that the customer sees the PIN, if it is still the one that was read.

    Raises:
        PinChangedMeanwhile: It was withdrawn or replaced meanwhile.
    """
    now = transaction.user(user.id)
    if now.pin_version != user.pin_version:
        raise PinChangedMeanwhile
    transaction.record(EventKind.PIN_SHOWN, now)


def withdraw(transaction: Transaction, row: int, *, unlock: bool, reason: str | None) -> Change:
    """Reset one user: no PIN any more, and the counter at 0, but a locked user stays locked.

    Args:
        transaction: The transaction to write in.
        row: The user's row.
        unlock: Whether a locked user is released too.
        reason: Why; stands on every event of it.

    Returns:
        The record before and after; they are equal if there was nothing to do.
    """
    before = transaction.user(row)
    locked = is_locked(before.failed_attempts)
    release = locked and unlock
    if before.pin is None and (before.failed_attempts == 0 or (locked and not unlock)):
        return Change(before, before)
    if before.pin is not None:
        transaction.connection.execute(f"UPDATE users SET {_WITHDRAWN} WHERE id = ?", (row,))  # noqa: S608
    if release or not locked:
        _clear_counter(transaction, row)
    user = transaction.user(row)
    if release:
        transaction.record(EventKind.UNLOCKED, user, reason=reason)
    transaction.record(
        EventKind.PIN_WITHDRAWN if before.pin is not None else EventKind.RESET, user, reason=reason
    )
    return Change(before, user)


def unlock(transaction: Transaction, row: int, reason: str) -> User:
    """Release a lock. The counter decides, also for an inactive user.

    Raises:
        Refused: The counter is below six; nothing is changed.
    """
    before = transaction.user(row)
    if not is_locked(before.failed_attempts):
        raise Refused(Rule.NOT_LOCKED, before.user)
    _clear_counter(transaction, row)
    user = transaction.user(row)
    transaction.record(EventKind.UNLOCKED, user, reason=reason)
    return user


def _clear_counter(transaction: Transaction, row: int) -> None:
    transaction.connection.execute(
        "UPDATE users SET failed_attempts = 0, locked_since = NULL WHERE id = ?", (row,)
    )


def _write(transaction: Transaction, row: int, pin: NewPin) -> None:
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
