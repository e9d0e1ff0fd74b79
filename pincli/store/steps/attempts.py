"""Charge, then compare, then settle: the two transactions around a comparison.

An attempt is counted before its PIN is compared, as smart cards do, so that neither
parallel callers nor a killed process get a comparison for nothing. Everything here runs
while the user's lock is held.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from pincli.errors import VerifyKeyUnknown
from pincli.models import EventKind, NewEvent, Outcome, State, StoredPin, User, Verdict
from pincli.rules import lockout
from pincli.rules.states import state_of
from pincli.store.contract import Transaction


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
    """A new verifier of the answer that matched, and the key that it needs."""

    verifier: str
    verify_key: str

    def __repr__(self) -> str:
        return f"RenewedVerifier({self.verify_key!r})"


def charge(
    transaction: Transaction, row: int, *, verify_keys: Collection[str], ticket: str | None
) -> Charged | Verdict:
    """Count an attempt before it is made, or refuse it.

    Args:
        transaction: The transaction to charge in.
        row: The user's row.
        verify_keys: Fingerprints of the keys that the caller can compare with.
        ticket: The ticket for the event.

    Returns:
        The charged attempt; or, uncharged, the verdict that there is nothing to compare.

    Raises:
        VerifyKeyUnknown: The verifier needs another key; nothing is charged.
        AttemptTakenOver: The user's lock did not keep others out.
    """
    (user,) = transaction.users([row])
    if state_of(user) is not State.ACTIVE or user.pin is None:
        return _refuse(transaction, user, ticket)
    if user.pin.verify_key not in verify_keys:
        raise VerifyKeyUnknown(user.pin.verify_key)
    number = transaction.next_number()
    step = lockout.charged(
        user, number=number, agent=transaction.origin.agent, ticket=ticket, at=transaction.at
    )
    transaction.save(step)
    key = transaction.identity.verify_key
    return Charged(number, lockout.after(user, step), user.pin, key)


def refuse_unless_active(transaction: Transaction, row: int, ticket: str | None) -> Verdict | None:
    """Record and return the refusal if this user's state allows no attempt; else None."""
    (user,) = transaction.users([row])
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

    Bulk work does not wait for the user's lock, so the record is read again here.

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
    (user,) = transaction.users([charged.user.id])
    step = lockout.settled(
        user,
        attempt=charged.attempt,
        version=charged.user.pin_version,
        matched=matched,
        agent=transaction.origin.agent,
        ticket=ticket,
        at=transaction.at,
    )
    outcome = Outcome(step[0].outcome or "")
    # The key may have been rotated since; then the next attempt renews the verifier.
    current = renewed is not None and renewed.verify_key == transaction.identity.verify_key
    if renewed is not None and current and outcome is Outcome.VERIFIED:
        step = _with_verifier(step, renewed)
    transaction.save(step)
    now = lockout.after(user, step)
    return Verdict(outcome, now, state_of(now))


def abandon(transaction: Transaction, row: int) -> User:
    """Close the attempt of a process that died between charge and settle, as a miss.

    The caller holds the user's lock; so an open attempt has no living owner.
    """
    (user,) = transaction.users([row])
    step = lockout.abandoned(user, at=transaction.at)
    transaction.save(step)
    return lockout.after(user, step)


def _refuse(transaction: Transaction, user: User, ticket: str | None) -> Verdict:
    state = state_of(user)
    transaction.save([NewEvent(EventKind.REFUSED, user, outcome=state.value, ticket=ticket)])
    return Verdict(Outcome(state.value), user, state)


def _with_verifier(step: lockout.Step, renewed: RenewedVerifier) -> lockout.Step:
    user = step[-1].user
    if user is None or user.pin is None:
        return step
    pin = user.pin._replace(verifier=renewed.verifier, verify_key=renewed.verify_key)
    return (*step[:-1], step[-1]._replace(user=user._replace(pin=pin)))
