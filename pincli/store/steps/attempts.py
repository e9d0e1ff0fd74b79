"""Charge and settle: the two transactions of an attempt, after its answer is hashed.

An attempt is counted, and its answer stored, before the answer is compared. So neither parallel
callers nor a killed process get a free comparison, and the next process can end an attempt that
was left open.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NamedTuple

from pincli.models import EventKind, NewEvent, Outcome, State, User, Verdict
from pincli.rules import lockout
from pincli.rules.lockout import state_of
from pincli.store.steps.records import attempt_ended, current

if TYPE_CHECKING:
    from pincli.store.contract import Transaction


class Charged(NamedTuple):
    """A charged attempt without an outcome.

    Attributes:
        number: The number of its event.
        link: The event's link: after a restore another event may have that number.
        row: The user's row.
        version: The PIN version that was asked for.
    """

    number: int
    link: bytes
    row: int
    version: int


def charge(
    transaction: Transaction, asked: User, answer: bytes | None, *, ticket: str | None
) -> Charged | Verdict | None:
    """Count an attempt and store its answer, or refuse it.

    The answer is hashed for the question in `asked`, and None if there was no question.

    Returns:
        The charged attempt; or, uncharged, the verdict if the user is not active; or None,
        uncharged, if the question has changed: ask again.
    """
    found = transaction.users([asked.id])
    if not found or found[0].uid != asked.uid:
        return None  # an older store was restored: the row is gone, or is another user's
    ending, user = attempt_ended(transaction, found[0])
    refusal = _refused_unless_active(transaction, ending, user, ticket)
    if refusal is not None:
        return refusal
    if answer is None or not _same_question(user, asked):
        transaction.save(ending)
        return None
    step = lockout.charged(
        user,
        lockout.check_of(answer),
        number=transaction.head.number + 1 + len(ending),
        by=transaction.origin,
        ticket=ticket,
        at=transaction.at,
    )
    transaction.save([*ending, *step])
    return Charged(*transaction.head, user.id, user.pin_version)


def refuse_unless_active(
    transaction: Transaction, asked: User, *, ticket: str | None
) -> Verdict | None:
    """Record and return the refusal if this user's state allows no attempt; else None."""
    ending, user = attempt_ended(transaction, current(transaction, asked))
    refusal = _refused_unless_active(transaction, ending, user, ticket)
    if refusal is None:
        transaction.save(ending)
    return refusal


def settle(transaction: Transaction, charged: Charged) -> Verdict:
    """End a charged attempt, or read how another process has ended it.

    If another process has ended it as verified, the verdict is *verified* only if the state is
    active and the PIN version is that of the charge. A PIN that was withdrawn, replaced or locked
    in between is never reported as verified.

    Raises:
        StoreUnavailable: A store from before the charge was restored.
    """
    transaction.require_event(charged.number, charged.link)
    (user,) = transaction.users([charged.row])
    if user.attempt == charged.number:
        ending, user = attempt_ended(transaction, user)
        transaction.save(ending)
        return Verdict(Outcome(ending[0].outcome or ""), user, state_of(user), charged.number)
    outcome = Outcome(transaction.ending_of(user, charged.number))
    state = state_of(user)
    is_same_pin = state is State.ACTIVE and user.pin_version == charged.version
    if outcome is Outcome.VERIFIED and not is_same_pin:
        outcome = Outcome.INCORRECT if state is State.ACTIVE else Outcome(state.value)
        event = NewEvent(EventKind.NOT_TOLD, user, attempt=charged.number, outcome=outcome.value)
        transaction.save([event])
    return Verdict(outcome, user, state, charged.number)


def finish(transaction: Transaction, asked: User) -> User:
    """End an attempt that was left open. Return the record afterwards."""
    ending, user = attempt_ended(transaction, current(transaction, asked))
    transaction.save(ending)
    return user


def _refused_unless_active(
    transaction: Transaction, ending: lockout.Step, user: User, ticket: str | None
) -> Verdict | None:
    state = state_of(user)
    if state is State.ACTIVE:
        return None
    refused = NewEvent(EventKind.REFUSED, user, outcome=state.value, ticket=ticket)
    transaction.save([*ending, refused])
    return Verdict(Outcome(state.value), user, state)


def _same_question(now: User, asked: User) -> bool:
    """Whether the answer was hashed for the present PIN: question, check and proof."""
    return (
        now.pin_version == asked.pin_version
        and now.question == asked.question
        and now.pin_check is not None
        and asked.pin_check is not None
        and hmac.compare_digest(now.pin_check, asked.pin_check)
        and now.pin_proof == asked.pin_proof
    )
