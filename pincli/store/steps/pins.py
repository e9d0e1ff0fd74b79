"""Setting, showing and withdrawing PINs, and releasing their locks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pincli.errors import KeyChanged, PinChangedMeanwhile, Refused, Rule
from pincli.models import Change, EventKind, NewEvent, NewPin, User
from pincli.rules import lockout
from pincli.rules.states import is_locked, may_have_pin
from pincli.store.steps.again import read_again, read_all_again, refused, taken

if TYPE_CHECKING:
    from pincli.store.contract import Transaction

_ANYBODY: Mapping[int, bytes] = {}


def collect(transaction: Transaction, asked: User, pin: NewPin) -> User | lockout.Refusal:
    """Write the PIN that its owner's first look generated.

    Returns:
        The record afterwards; or the refusal, recorded, for the caller to raise.

    Raises:
        PinChangedMeanwhile: The version is no longer the one that it was made for: the
            loser of two first looks reads the winner's PIN.
        KeyChanged: A key was rotated since the PIN was made.
    """
    user = _at_version(transaction, asked, pin)
    change = partial(lockout.collected, pin=pin, at=transaction.at)
    return taken(transaction, user, change, withdraws=False)


def change(transaction: Transaction, asked: User, pin: NewPin) -> User | lockout.Refusal:
    """Write the PIN that the customer chose, and set the counter to 0.

    Returns:
        The record afterwards; or the refusal, recorded, for the caller to raise.

    Raises:
        PinChangedMeanwhile: The version is no longer the one that it was made for.
        KeyChanged: A key was rotated since the PIN was made.
    """
    user = _at_version(transaction, asked, pin)
    taking = partial(lockout.changed, pin=pin, at=transaction.at)
    return taken(transaction, user, taking, withdraws=True)


def renew(transaction: Transaction, asked: User, pin: NewPin) -> None:
    """Write an answer hashed with the present key and cost, if the PIN is still the same.

    Args:
        transaction: The transaction to write in.
        asked: The record that the old answer was checked with.
        pin: The same PIN; its seal and version stay as they are.
    """
    user = read_again(transaction, asked)
    same = (user.pin_version, user.question) == (asked.pin_version, asked.question)
    if not same or pin.verify_key != transaction.identity.verify_key:
        return

    def renewed(now: User) -> lockout.Step:
        fresh = now._replace(
            question=pin.question,
            pin_check=pin.check,
            pin_proof=pin.proof,
            verify_key=pin.verify_key,
        )
        return (NewEvent(EventKind.RENEWED, fresh),)

    taken(transaction, user, renewed, withdraws=False)


def issue(
    transaction: Transaction,
    pins: Sequence[tuple[User, NewPin]],
    *,
    unlock: bool,
    reason: str | None,
    wanted: Callable[[User], bool] = may_have_pin,
    tampered: list[str] | None = None,
) -> list[Change]:
    """Reset users to new PINs that they didn't choose themselves.

    Args:
        transaction: The transaction to write in.
        pins: Whom as read before, and the PIN, made for the version that follows theirs.
        unlock: Whether locked users are released too.
        reason: Why, for every event of it.
        wanted: Whether a user, as the record is now, is to have theirs.
        tampered: Gets the logins of records that were tampered with, which are left out.

    Returns:
        The record before and after of those written. A PIN that was made for another
        version than the present one is left out: prepare it again.

    Raises:
        KeyChanged: A key was rotated since the PINs were made.
        StoreUnavailable: A record was tampered with, and nobody wants to know which; or an
            older store was brought back, in which somebody else has a row.
    """
    prepared = {asked.id: pin for asked, pin in pins}
    uids = {asked.id: asked.uid for asked, _ in pins}
    for pin in prepared.values():
        _require_present_keys(transaction, pin)

    def issued(now: User) -> lockout.Step:
        new = prepared[now.id]
        return lockout.issued(now, new, unlock=unlock, reason=reason, at=transaction.at)

    found = read_all_again(transaction, sorted(prepared), uids, tampered)
    users = [
        user
        for user in found
        if user.pin_version == prepared[user.id].version - 1 and may_have_pin(user) and wanted(user)
    ]
    return _taken_by_all(transaction, users, issued)


def withdraw(
    transaction: Transaction,
    rows: Sequence[int],
    *,
    unlock: bool,
    reason: str | None,
    uids: Mapping[int, bytes] = _ANYBODY,
    tampered: list[str] | None = None,
) -> list[Change]:
    """Reset users: no PIN any more, and the counter at 0, but a locked user stays locked.

    Args:
        transaction: The transaction to write in.
        rows: The users' rows.
        unlock: Whether locked users are released too.
        reason: Why, for every event of it.
        uids: Whose rows they were, where that is known.
        tampered: Gets the logins of records that were tampered with, which are left out.

    Returns:
        Each record before and after; they are equal if there was nothing to do.

    Raises:
        StoreUnavailable: A record was tampered with, and nobody wants to know which.
    """
    users = read_all_again(transaction, rows, uids, tampered)
    taking = partial(lockout.withdrawn, unlock=unlock, reason=reason)
    return _taken_by_all(transaction, users, taking)


def lock(transaction: Transaction, asked: User, *, reason: str) -> tuple[User, bool]:
    """Lock a user by hand; the record afterwards, and whether it was this that locked it."""
    user = read_again(transaction, asked)
    taking = partial(lockout.locked_by_hand, reason=reason, at=transaction.at)
    step, _ = lockout.ended_first(user, taking, withdraws=True, at=transaction.at)
    transaction.save(step)
    return lockout.after(user, step), any(e.kind is EventKind.LOCKED_BY_HAND for e in step)


def unlock(transaction: Transaction, asked: User, *, reason: str) -> User | lockout.Refusal:
    """Release a lock, or record that there is none: the refusal, for the caller to raise."""
    user = read_again(transaction, asked)
    taking = partial(lockout.unlocked, reason=reason)
    return taken(transaction, user, taking, withdraws=False)


def refuse_unless_locked(transaction: Transaction, asked: User) -> Refused | None:
    """Record that there is no lock to release, and give the refusal; None if there is one."""
    user = read_again(transaction, asked)
    ending = lockout.finished(user, at=transaction.at)
    now = lockout.after(user, ending)
    if is_locked(now):
        transaction.save(ending)
        return None
    refusal = Refused(Rule.NOT_LOCKED, user.login)
    transaction.save([*ending, refused(now, refusal)])
    return refusal


def refuse(transaction: Transaction, asked: User, refusal: lockout.Refusal) -> None:
    """Record that something about a user's PIN was refused."""
    user = read_again(transaction, asked)
    transaction.save([refused(user, refusal)])


def note_shown(transaction: Transaction, asked: User) -> None:
    """Record that the customer sees the PIN that was read.

    Raises:
        PinChangedMeanwhile: It was withdrawn or replaced meanwhile.
    """
    user = read_again(transaction, asked)
    if user.pin_version != asked.pin_version:
        raise PinChangedMeanwhile
    ending = lockout.finished(user, at=transaction.at)
    now = lockout.after(user, ending)
    transaction.save([*ending, NewEvent(EventKind.PIN_SHOWN, now)])


def _taken_by_all(
    transaction: Transaction, users: Sequence[User], taking: lockout.Change
) -> list[Change]:
    """Take a change that withdraws PINs, for each of some users."""
    events: list[NewEvent] = []
    changes = []
    for user in users:
        step, refusal = lockout.ended_first(user, taking, withdraws=True, at=transaction.at)
        if refusal is not None:
            raise refusal
        events += step
        changes.append(Change(user, lockout.after(user, step)))
    transaction.save(events)
    return changes


def _at_version(transaction: Transaction, asked: User, pin: NewPin) -> User:
    _require_present_keys(transaction, pin)
    user = read_again(transaction, asked)
    if user.pin_version != pin.version - 1:
        raise PinChangedMeanwhile
    return user


def _require_present_keys(transaction: Transaction, pin: NewPin) -> None:
    """A key rotated since this process loaded it must not come into use again."""
    identity = transaction.identity
    if (pin.verify_key, pin.portal_key) != (identity.verify_key, identity.portal_key):
        raise KeyChanged
