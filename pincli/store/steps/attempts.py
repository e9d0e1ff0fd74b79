"""Charge and settle: the two transactions of an attempt, after its answer is hashed.

An attempt is counted, and its answer stored, before anybody compares it. So neither parallel
callers nor a killed process get a comparison for nothing, and the next process to come along
can end an attempt that somebody left open.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NamedTuple

from pincli.models import EventKind, NewEvent, Outcome, State, User, Verdict
from pincli.rules import lockout
from pincli.rules.states import state_of
from pincli.store.steps.again import read_again

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


class Charged(NamedTuple):
    """An attempt that is on disk, and has no outcome yet.

    Attributes:
        number: Of its event.
        link: That event's: after a restore another event may have the number.
        row: The user's.
        version: The PIN version that it is about.
    """

    number: int
    link: bytes
    row: int
    version: int


def charge(
    transaction: Transaction, asked: User, answer: bytes | None, *, ticket: str | None
) -> Charged | Verdict | None:
    """Count an attempt and store its answer, or refuse it.

    Args:
        transaction: The transaction to charge in.
        asked: The record that the answer was hashed for.
        answer: The hashed answer; None where the record asked for none.
        ticket: The ticket for the event.

    Returns:
        The charged attempt; or, uncharged, the verdict that there is nothing to compare; or
        None, uncharged, where the question is no longer the one that was asked: ask again.
    """
    at = transaction.at
    found = transaction.users([asked.id])
    if not found or found[0].uid != asked.uid:
        return None  # an older store was brought back: somebody else has the row, or nobody
    (user,) = found
    ending = lockout.finished(user, at=at)
    now = lockout.after(user, ending)
    state = state_of(now)
    if state is not State.ACTIVE:
        refused = NewEvent(EventKind.REFUSED, now, outcome=state.value, ticket=ticket)
        transaction.save([*ending, refused])
        return Verdict(Outcome(state.value), now, state)
    if answer is None or not _same_question(now, asked):
        transaction.save(ending)
        return None
    number = transaction.head.number + 1 + len(ending)
    check = lockout.check_of(answer)
    step = lockout.charged(now, check, number=number, by=transaction.origin, ticket=ticket, at=at)
    transaction.save([*ending, *step])
    return Charged(number, transaction.head.link, user.id, now.pin_version)


def refuse_unless_active(
    transaction: Transaction, asked: User, *, ticket: str | None
) -> Verdict | None:
    """Record and return the refusal if this user's state allows no attempt; else None."""
    user = read_again(transaction, asked)
    ending = lockout.finished(user, at=transaction.at)
    now = lockout.after(user, ending)
    state = state_of(now)
    if state is State.ACTIVE:
        transaction.save(ending)
        return None
    refused = NewEvent(EventKind.REFUSED, now, outcome=state.value, ticket=ticket)
    transaction.save([*ending, refused])
    return Verdict(Outcome(state.value), now, state)


def settle(transaction: Transaction, charged: Charged) -> Verdict:
    """End a charged attempt, or find out how somebody else has ended it.

    A process whose attempt somebody else has ended as verified says so only if state and PIN
    version are still those of the charge: nobody is told *verified* with a PIN that was
    withdrawn, replaced or locked meanwhile.

    Raises:
        StoreUnavailable: A store from before the charge was brought back meanwhile.
    """
    transaction.require_event(charged.number, charged.link)
    (user,) = transaction.users([charged.row])
    if user.attempt == charged.number:
        step = lockout.finished(user, at=transaction.at)
        transaction.save(step)
        now = lockout.after(user, step)
        return Verdict(Outcome(step[0].outcome or ""), now, state_of(now), charged.number)
    outcome = Outcome(transaction.ending_of(user, charged.number))
    state = state_of(user)
    if outcome is not Outcome.VERIFIED:
        return Verdict(outcome, user, state, charged.number)
    if state is State.ACTIVE and user.pin_version == charged.version:
        return Verdict(outcome, user, state, charged.number)
    told = Outcome.INCORRECT if state is State.ACTIVE else Outcome(state.value)
    event = NewEvent(EventKind.NOT_TOLD, user, attempt=charged.number, outcome=told.value)
    transaction.save([event])
    return Verdict(told, user, state, charged.number)


def finish(transaction: Transaction, asked: User) -> User:
    """End an attempt that somebody left open; the record afterwards."""
    user = read_again(transaction, asked)
    step = lockout.finished(user, at=transaction.at)
    transaction.save(step)
    return lockout.after(user, step)


def _same_question(now: User, asked: User) -> bool:
    """Whether the answer was hashed for the PIN that the record has now, proof and all."""
    return (
        now.pin_version == asked.pin_version
        and now.question == asked.question
        and now.pin_check is not None
        and asked.pin_check is not None
        and hmac.compare_digest(now.pin_check, asked.pin_check)
        and now.pin_proof == asked.pin_proof
    )
