"""Setting, showing and withdrawing PINs, and releasing their locks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pincli.errors import KeyChanged, PinChangedMeanwhile, Refused, Rule
from pincli.models import Change, EventKind, NewEvent, NewPin, User
from pincli.rules import lockout
from pincli.rules.states import is_locked, may_have_pin
from pincli.store.contract import Transaction


def collect(transaction: Transaction, row: int, pin: NewPin) -> User:
    """Write the PIN that its owner's first look generated.

    Raises:
        PinChangedMeanwhile: The version is no longer the one that it was made for: the
            loser of two first looks reads the winner's PIN.
        NoPinPossible: The user is inactive or ineligible by now.
        KeyChanged: A key was rotated since the PIN was made.
    """
    user = _at_version(transaction, row, pin)
    step = lockout.collected(user, pin, at=transaction.at)
    transaction.save(step)
    return lockout.after(user, step)


def change(transaction: Transaction, row: int, pin: NewPin) -> User:
    """Write the PIN that the customer chose, and set the counter to 0.

    Raises:
        PinChangedMeanwhile: The version is no longer the one that it was made for.
        NoPinPossible: The user is inactive or ineligible by now.
        Refused: The user is locked by now.
        KeyChanged: A key was rotated since the PIN was made.
    """
    user = _at_version(transaction, row, pin)
    step = lockout.changed(user, pin, at=transaction.at)
    transaction.save(step)
    return lockout.after(user, step)


def issue(
    transaction: Transaction,
    pins: Sequence[tuple[int, NewPin]],
    *,
    unlock: bool,
    reason: str | None,
    wanted: Callable[[User], bool] = may_have_pin,
) -> list[Change]:
    """Reset users to new PINs that they didn't choose themselves.

    Args:
        transaction: The transaction to write in.
        pins: Row and PIN, each made for the version that follows the row's present one.
        unlock: Whether locked users are released too.
        reason: Why, for every event of it.
        wanted: Whether a user, as the record is now, is to have theirs.

    Returns:
        The record before and after of those written. A PIN that was made for another
        version than the present one is left out: prepare it again.

    Raises:
        KeyChanged: A key was rotated since the PINs were made.
    """
    prepared = dict(pins)
    for pin in prepared.values():
        _require_present_keys(transaction, pin)
    users = [
        user
        for user in transaction.users(sorted(prepared))
        if user.pin_version == prepared[user.id].version - 1 and may_have_pin(user) and wanted(user)
    ]
    at = transaction.at
    steps = [
        (user, lockout.issued(user, prepared[user.id], unlock=unlock, reason=reason, at=at))
        for user in users
    ]
    return _saved(transaction, steps)


def withdraw(
    transaction: Transaction, rows: Sequence[int], *, unlock: bool, reason: str | None
) -> list[Change]:
    """Reset users: no PIN any more, and the counter at 0, but a locked user stays locked.

    Attempts in flight are left alone: their settle reads the record again.

    Args:
        transaction: The transaction to write in.
        rows: The users' rows.
        unlock: Whether locked users are released too.
        reason: Why, for every event of it.

    Returns:
        Each record before and after; they are equal if there was nothing to do.
    """
    users = transaction.users(rows)
    steps = [(user, lockout.withdrawn(user, unlock=unlock, reason=reason)) for user in users]
    return _saved(transaction, steps)


def unlock(transaction: Transaction, row: int, *, reason: str) -> User | Refused:
    """Release a lock, or record that there is none: the refusal, for the caller to raise."""
    (user,) = transaction.users([row])
    try:
        step = lockout.unlocked(user, reason=reason)
    except Refused as refusal:
        _record_refusal(transaction, user, refusal.rule.name.lower())
        return refusal
    transaction.save(step)
    return lockout.after(user, step)


def refuse_unless_locked(transaction: Transaction, row: int) -> Refused | None:
    """Record that there is no lock to release, and give the refusal; None if there is one."""
    (user,) = transaction.users([row])
    if is_locked(user.failed_attempts):
        return None
    _record_refusal(transaction, user, Rule.NOT_LOCKED.name.lower())
    return Refused(Rule.NOT_LOCKED, user.login)


def refuse(transaction: Transaction, row: int, outcome: str) -> None:
    """Record that something about a user's PIN was refused.

    Args:
        transaction: The transaction to write in.
        row: The user's row.
        outcome: The word for why: a rule's, or a state's.
    """
    (user,) = transaction.users([row])
    _record_refusal(transaction, user, outcome)


def note_shown(transaction: Transaction, row: int, version: int) -> None:
    """Record that the customer sees the PIN of that version.

    Raises:
        PinChangedMeanwhile: It was withdrawn or replaced meanwhile.
    """
    (user,) = transaction.users([row])
    if user.pin_version != version:
        raise PinChangedMeanwhile
    transaction.save([NewEvent(EventKind.PIN_SHOWN, user)])


def _saved(transaction: Transaction, steps: Sequence[tuple[User, lockout.Step]]) -> list[Change]:
    transaction.save([event for _, step in steps for event in step])
    return [Change(user, lockout.after(user, step)) for user, step in steps]


def _record_refusal(transaction: Transaction, user: User, outcome: str) -> None:
    transaction.save([NewEvent(EventKind.REFUSED, user, outcome=outcome)])


def _at_version(transaction: Transaction, row: int, pin: NewPin) -> User:
    _require_present_keys(transaction, pin)
    (user,) = transaction.users([row])
    if user.pin_version != pin.version - 1:
        raise PinChangedMeanwhile
    return user


def _require_present_keys(transaction: Transaction, pin: NewPin) -> None:
    """A key rotated since this process loaded it must not come into use again."""
    identity = transaction.identity
    if (pin.verify_key, pin.portal_key) != (identity.verify_key, identity.portal_key):
        raise KeyChanged
