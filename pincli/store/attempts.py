"""Charge, then compare, then settle: the two transactions around a comparison.

An attempt is counted before its PIN is compared, as smart cards do, so that neither
parallel callers nor a killed process get a comparison for nothing. Everything here runs
while the user's lock is held.
"""

from __future__ import annotations

from typing import NamedTuple

from pincli.errors import AttemptTakenOver
from pincli.models import EventKind, Outcome, State, StoredPin, User, Verdict
from pincli.rules.lockout import ATTEMPTS_ALLOWED, is_locked, without_own_charge
from pincli.rules.states import state_of
from pincli.store.transaction import Transaction


class Charged(NamedTuple):
    """An attempt that has been paid for and may be compared once.

    Attributes:
        attempt: The number of its event.
        user: The record as charged.
        pin: What to compare with.
        current_key: Fingerprint of the verify key that counts, to renew a verifier with.
    """

    attempt: int
    user: User
    pin: StoredPin
    current_key: str


class RenewedVerifier(NamedTuple):
    """A verifier made anew from the answer that matched, and the key that it needs."""

    verifier: str
    verify_key: str

    def __repr__(self) -> str:
        return f"RenewedVerifier({self.verify_key!r})"


def charge(transaction: Transaction, row: int, ticket: str | None) -> Charged | Verdict:
    """Count an attempt before it is made, or refuse it.

    Returns:
        The charged attempt; or, uncharged, the verdict that there is nothing to compare.

    Raises:
        AttemptTakenOver: The user's lock did not keep others out.
    """
    before = transaction.user(row)
    if state_of(before) is not State.ACTIVE or before.pin is None:
        return _refuse(transaction, before, ticket)
    changed = transaction.connection.execute(
        # The bound stands in the statement as well as in the table's CHECK: whatever else
        # goes wrong, no seventh charge is written.
        "UPDATE users SET failed_attempts = failed_attempts + 1, "
        "attempts_total = attempts_total + 1, last_attempt_at = ?, last_attempt_by = ? "
        "WHERE id = ? AND failed_attempts < ? AND open_attempt IS NULL",
        (transaction.at, transaction.origin.agent, row, ATTEMPTS_ALLOWED),
    ).rowcount
    if changed != 1:
        raise AttemptTakenOver(transaction.user(row).login)
    attempt = transaction.record(EventKind.ATTEMPT, transaction.user(row), ticket=ticket)
    transaction.connection.execute("UPDATE users SET open_attempt = ? WHERE id = ?", (attempt, row))
    return Charged(attempt, transaction.user(row), before.pin, transaction.identity.verify_key)


def refuse_unless_active(transaction: Transaction, row: int, ticket: str | None) -> Verdict | None:
    """Record and return the refusal if this user's state allows no attempt; else None."""
    user = transaction.user(row)
    return None if state_of(user) is State.ACTIVE else _refuse(transaction, user, ticket)


def settle(
    transaction: Transaction,
    charged: Charged,
    *,
    matched: bool,
    renewed: RenewedVerifier | None,
    ticket: str | None,
) -> Verdict:
    """Close a charged attempt after its comparison.

    Bulk work does not wait for the user's lock, so state and version are read again here:
    nobody is verified with a PIN that was withdrawn meanwhile, and a right answer is never
    what locks a user.

    Args:
        transaction: The transaction to settle in.
        charged: What `charge` gave.
        matched: Whether the PIN matched the verifier in it.
        renewed: A verifier for the same PIN, made with a newer key or cost, to replace the
            one that matched.
        ticket: The ticket for the event.

    Raises:
        AttemptTakenOver: Somebody else closed the attempt; it stays charged.
    """
    row = charged.user.id
    now = transaction.user(row)
    if now.open_attempt != charged.attempt:
        raise AttemptTakenOver(now.login)
    outcome = _outcome(charged.user, now, matched=matched)
    if matched:
        transaction.connection.execute(
            "UPDATE users SET open_attempt = NULL, failed_attempts = 0, locked_since = NULL "
            "WHERE id = ?",
            (row,),
        )
    else:
        transaction.connection.execute("UPDATE users SET open_attempt = NULL WHERE id = ?", (row,))
    if outcome is Outcome.VERIFIED:
        _note_verified(transaction, row, renewed)
    kind = {Outcome.VERIFIED: EventKind.VERIFIED, Outcome.INCORRECT: EventKind.INCORRECT}.get(
        outcome, EventKind.REFUSED
    )
    transaction.record(
        kind, transaction.user(row), attempt=charged.attempt, outcome=outcome.value, ticket=ticket
    )
    if not matched:
        lock_on_sixth(transaction, row)
    user = transaction.user(row)
    return Verdict(outcome, user, state_of(user))


def abandon(transaction: Transaction, row: int) -> None:
    """Close the attempt of a process that died between charge and settle, as a miss.

    The caller holds the user's lock; so an open attempt has no living owner.
    """
    attempt = transaction.user(row).open_attempt
    if attempt is None:
        return
    transaction.connection.execute("UPDATE users SET open_attempt = NULL WHERE id = ?", (row,))
    transaction.record(EventKind.ABANDONED, transaction.user(row), attempt=attempt)
    lock_on_sixth(transaction, row)


def lock_on_sixth(transaction: Transaction, row: int) -> None:
    """Record the lock, if the counter is at six and no attempt is in flight, and none is yet."""
    user = transaction.user(row)
    if not is_locked(user.failed_attempts) or user.locked_since is not None:
        return
    transaction.connection.execute(
        "UPDATE users SET locked_since = ?, last_locked_at = ?, locks_total = locks_total + 1 "
        "WHERE id = ?",
        (transaction.at, transaction.at, row),
    )
    transaction.record(EventKind.LOCKED, transaction.user(row))


def _refuse(transaction: Transaction, user: User, ticket: str | None) -> Verdict:
    state = state_of(user)
    transaction.record(EventKind.REFUSED, user, outcome=state.value, ticket=ticket)
    return Verdict(Outcome(state.value), user, state)


def _outcome(charged: User, now: User, *, matched: bool) -> Outcome:
    """The answer, from the state without the own charge, as read again at the settle."""
    state = state_of(now, failed_attempts=without_own_charge(now.failed_attempts))
    if state is not State.ACTIVE:
        return Outcome(state.value)
    if matched and now.pin_version == charged.pin_version:
        return Outcome.VERIFIED
    return Outcome.INCORRECT


def _note_verified(transaction: Transaction, row: int, renewed: RenewedVerifier | None) -> None:
    transaction.connection.execute(
        "UPDATE users SET last_verified_at = ?, last_verified_by = ? WHERE id = ?",
        (transaction.at, transaction.origin.agent, row),
    )
    # The key may have been rotated since it was made; then the next attempt renews it.
    if renewed is not None and renewed.verify_key == transaction.identity.verify_key:
        transaction.connection.execute(
            "UPDATE users SET verifier = ?, verify_key = ? WHERE id = ?",
            (renewed.verifier, renewed.verify_key, row),
        )
