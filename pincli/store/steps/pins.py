"""Setting, showing and withdrawing PINs, and locking and unlocking users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pincli.errors import KeyChanged, PinChangedMeanwhile, Refused, Rule
from pincli.models import Change, EventKind, NewEvent, NewPin, User
from pincli.rules import lockout
from pincli.rules.lockout import is_locked, may_have_pin
from pincli.store.steps.records import (
    all_current,
    attempt_ended,
    change_user,
    change_users,
    current,
    refused,
)

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


def collect(transaction: Transaction, asked: User, pin: NewPin) -> User | lockout.Refusal:
    """Write the PIN that was generated when its owner first opened it.

    Raises:
        PinChangedMeanwhile: The PIN was made for another version: of two first looks, the loser
            reads the winner's PIN.
        KeyChanged: A key was rotated since the PIN was made.
    """
    user = _at_version(transaction, asked, pin)
    collected = partial(lockout.collected, pin=pin, at=transaction.at)
    return change_user(transaction, user, collected, withdraws=False)


def change(transaction: Transaction, asked: User, pin: NewPin) -> User | lockout.Refusal:
    """Write the PIN that the customer chose, and set the counter to 0.

    Raises:
        PinChangedMeanwhile: The PIN was made for another version.
        KeyChanged: A key was rotated since the PIN was made.
    """
    user = _at_version(transaction, asked, pin)
    changed = partial(lockout.changed, pin=pin, at=transaction.at)
    return change_user(transaction, user, changed, withdraws=True)


def renew(transaction: Transaction, asked: User, pin: NewPin) -> None:
    """Write an answer hashed with the present key and cost, if the PIN is still the same."""
    user = current(transaction, asked)
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

    change_user(transaction, user, renewed, withdraws=False)


def issue(
    transaction: Transaction,
    pins: Sequence[tuple[User, NewPin]],
    *,
    unlock: bool,
    reason: str | None,
    wanted: Callable[[User], bool] = may_have_pin,
    tampered: list[str] | None = None,
) -> list[Change]:
    """Reset users to generated PINs, each made for the next version of a user's PIN.

    A user whose PIN version has changed since, or who is not `wanted` by the present record, is
    left out.

    Raises:
        KeyChanged: A key was rotated since the PINs were made.
    """
    prepared = {asked.id: pin for asked, pin in pins}
    uids = {asked.id: asked.uid for asked, _ in pins}
    for pin in prepared.values():
        _require_present_keys(transaction, pin)

    def issued(now: User) -> lockout.Step:
        new = prepared[now.id]
        return lockout.issued(now, new, unlock=unlock, reason=reason, at=transaction.at)

    found = all_current(transaction, sorted(prepared), uids, tampered)
    users = [
        user
        for user in found
        if user.pin_version == prepared[user.id].version - 1 and may_have_pin(user) and wanted(user)
    ]
    return change_users(transaction, users, issued, withdraws=True)


def withdraw(
    transaction: Transaction,
    rows: Sequence[int],
    *,
    unlock: bool,
    reason: str | None,
    uids: Mapping[int, bytes] | None = None,
    tampered: list[str] | None = None,
) -> list[Change]:
    """Withdraw users' PINs and set their counters to 0. Locked users stay so without `unlock`."""
    users = all_current(transaction, rows, uids, tampered)
    withdrawn = partial(lockout.withdrawn, unlock=unlock, reason=reason)
    return change_users(transaction, users, withdrawn, withdraws=True)


def lock(transaction: Transaction, asked: User, *, reason: str) -> tuple[User, bool]:
    """Lock a user by hand. Return the record afterwards, and whether this call locked it."""
    user = current(transaction, asked)
    locked = partial(lockout.locked_by_hand, reason=reason, at=transaction.at)
    step, _ = lockout.ended_first(user, locked, withdraws=True, at=transaction.at)
    transaction.save(step)
    return lockout.after(user, step), any(e.kind is EventKind.LOCKED_BY_HAND for e in step)


def unlock(transaction: Transaction, asked: User, *, reason: str) -> User | lockout.Refusal:
    """Unlock a user, or record and return the refusal if the user is not locked."""
    unlocked = partial(lockout.unlocked, reason=reason)
    return change_user(transaction, current(transaction, asked), unlocked, withdraws=False)


def refuse_unless_locked(transaction: Transaction, asked: User) -> Refused | None:
    """Record and return the refusal if the user is not locked; else None."""
    ending, user = attempt_ended(transaction, current(transaction, asked))
    if is_locked(user):
        transaction.save(ending)
        return None
    refusal = Refused(Rule.NOT_LOCKED, user.login)
    transaction.save([*ending, refused(user, refusal)])
    return refusal


def refuse(transaction: Transaction, asked: User, refusal: lockout.Refusal) -> None:
    """Record a refusal about a user's PIN."""
    transaction.save([refused(current(transaction, asked), refusal)])


def note_shown(transaction: Transaction, asked: User) -> None:
    """Record that the customer has seen the PIN that was read.

    Raises:
        PinChangedMeanwhile: It was withdrawn or replaced in between.
    """
    user = current(transaction, asked)
    if user.pin_version != asked.pin_version:
        raise PinChangedMeanwhile
    ending, user = attempt_ended(transaction, user)
    transaction.save([*ending, NewEvent(EventKind.PIN_SHOWN, user)])


def _at_version(transaction: Transaction, asked: User, pin: NewPin) -> User:
    _require_present_keys(transaction, pin)
    user = current(transaction, asked)
    if user.pin_version != pin.version - 1:
        raise PinChangedMeanwhile
    return user


def _require_present_keys(transaction: Transaction, pin: NewPin) -> None:
    """Fail if a key was rotated since this process loaded it: it must not come back into use."""
    identity = transaction.identity
    if (pin.verify_key, pin.portal_key) != (identity.verify_key, identity.portal_key):
        raise KeyChanged
