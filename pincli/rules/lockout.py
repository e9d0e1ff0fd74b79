"""Six, then locked: what each event makes of a user's record.

Each function takes a record and returns the *step*: the events, each with the record after it.
The store writes the last one's record. A step without events changes nothing. Nothing else in
pincli does arithmetic on the counter.

An attempt is charged before anybody knows whether its answer is right, and stays *open* until
it is ended. Every change of a record ends the open attempt first, by `ended_first`, so the
changes themselves only see records without an open attempt.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from pincli.errors import AttemptOpen, NoPinPossible, Refused, Rule
from pincli.models import (
    EventKind,
    NewEvent,
    NewPin,
    Origin,
    Outcome,
    PinOrigin,
    State,
    User,
    UserType,
)
from pincli.rules.names import erased_login

ATTEMPTS_ALLOWED = 6
"""Consecutive incorrect attempts after which a PIN is locked. The counter never exceeds it."""

TYPES_WITH_PINS = frozenset({UserType.CLOUD, UserType.DEDICATED, UserType.FEDERATED})
"""Users of the other types are kept, and never have a PIN."""

Step = tuple[NewEvent, ...]
Change = Callable[[User], Step]
Refusal = Refused | NoPinPossible

_NO_ATTEMPT: dict[str, Any] = dict.fromkeys(
    name for name in User._fields if name == "attempt" or name.startswith("attempt_")
)
_NO_PIN: dict[str, Any] = dict.fromkeys(
    (
        *("question", "pin_check", "pin_proof", "verify_key"),
        *("sealed", "portal_key", "pin_set_at", "pin_set_by"),
    )
)
_NO_BAR: dict[str, Any] = dict.fromkeys(name for name in User._fields if name.startswith("barred_"))
_NO_CALL: dict[str, Any] = dict.fromkeys(name for name in User._fields if name.startswith("call_"))
_PIN_KINDS = {
    PinOrigin.GENERATED: EventKind.PIN_GENERATED,
    PinOrigin.CUSTOMER: EventKind.PIN_CHANGED,
}


# A user's state, derived from the record and never stored.


def is_locked(user: User) -> bool:
    """Whether the counter is at six. A sixth answer in flight is not a lock yet."""
    return user.failed_attempts >= ATTEMPTS_ALLOWED and user.attempt is None


def may_have_pin(user: User) -> bool:
    """Whether a PIN may be made for this user: active, and of a type with PINs."""
    return user.active and user.type in TYPES_WITH_PINS


def lacks_pin(user: User) -> bool:
    """Whether this user could have a PIN and has none; a locked one too."""
    return user.question is None and may_have_pin(user)


def state_of(user: User) -> State:
    """The user's state."""
    return state_from(
        active=user.active,
        user_type=user.type,
        locked=is_locked(user),
        has_pin=user.question is not None,
    )


def state_from(*, active: bool, user_type: UserType, locked: bool, has_pin: bool) -> State:
    """The state that these facts of a record mean; the first that matches wins."""
    if not active:
        return State.INACTIVE
    if user_type not in TYPES_WITH_PINS:
        return State.INELIGIBLE
    if locked:
        return State.LOCKED
    if not has_pin:
        return State.UNCOLLECTED
    return State.ACTIVE


def attempts_left(failed_attempts: int) -> int:
    """How many incorrect attempts are left until the PIN is locked."""
    return max(0, ATTEMPTS_ALLOWED - failed_attempts)


def check_of(answer: bytes) -> bytes:
    """What the store keeps of an answer and compares; it can't be sent as an answer."""
    return hashlib.sha256(answer).digest()


def after(user: User, step: Step) -> User:
    """The record after a step."""
    return (step[-1].user or user) if step else user


# An attempt: charged, and ended.


def charged(
    user: User, answer_check: bytes, *, number: int, by: Origin, ticket: str | None, at: str
) -> Step:
    """An attempt is counted; its answer is kept until it ends. It also begins a call.

    Args:
        user: In the state `active`, without an open attempt.
        answer_check: What `check_of` returns for the answer.
        number: Of the event that this becomes.
        by: Who took the answer.
        ticket: The ticket it belongs to, masked.
        at: ISO 8601, UTC.

    Raises:
        AttemptOpen: An attempt is open, or the user is not active: a bug in the caller.
    """
    if user.attempt is not None or state_of(user) is not State.ACTIVE:
        raise AttemptOpen(user.login)
    charge = user._replace(
        failed_attempts=user.failed_attempts + 1,
        attempts_total=user.attempts_total + 1,
        last_attempt_at=at,
        last_attempt_by=by.agent,
        attempt=number,
        attempt_answer=answer_check,
        attempt_at=at,
        attempt_agent=by.agent,
        attempt_command=by.command,
        attempt_ticket=ticket,
    )
    charge = with_call(charge, agent=by.agent, ref=ticket, at=at)
    return (NewEvent(EventKind.ATTEMPT, charge, ticket=ticket),)


def with_call(user: User, *, agent: str, ref: str | None, at: str) -> User:
    """The record with a call that begins now."""
    return user._replace(call_agent=agent, call_ref=ref, call_since=at)


def finished(user: User, *, at: str) -> Step:
    """The open attempt ends, with the outcome that its own process would have got.

    A right answer sets the counter to 0, so it never locks a user.
    """
    if user.attempt is None:
        return ()
    if not _is_right(user):
        return _wrong(user, at)
    right = without_attempt(user)._replace(
        failed_attempts=0, last_verified_at=at, last_verified_by=user.attempt_agent
    )
    return (_end(user, right, EventKind.VERIFIED, Outcome.VERIFIED),)


def ended_first(
    user: User, change: Change, *, withdraws: bool, at: str
) -> tuple[Step, Refusal | None]:
    """End the open attempt, then make a change, in one step.

    Once a PIN is withdrawn, replaced or locked, it verifies nobody: a right answer in flight
    is then refused, with the state after the change. If the change itself is refused, the
    attempt ends as it would have without it.

    Args:
        user: The record.
        change: From a record without an open attempt to its step.
        withdraws: Whether it withdraws, replaces or locks the PIN.
        at: ISO 8601, UTC.

    Returns:
        The step, and the refusal of the change, if it was refused.
    """
    if user.attempt is None:
        return _tried(user, change)
    if withdraws and _is_right(user):
        closed = without_attempt(user)._replace(failed_attempts=0)
        then, refusal = _tried(closed, change)
        if refusal is None:
            state = state_of(after(closed, then))
            outcome = Outcome.INCORRECT if state is State.ACTIVE else Outcome(state.value)
            return (_end(user, closed, EventKind.REFUSED, outcome), *then), None
    first = finished(user, at=at)
    then, refusal = _tried(after(user, first), change)
    return (*first, *then), refusal


# Locks.


def locked_by_hand(user: User, *, reason: str, at: str) -> Step:
    """Somebody locks the PIN, in any state; nothing happens if it is locked already."""
    if is_locked(user):
        return ()
    six = user._replace(failed_attempts=ATTEMPTS_ALLOWED)
    return (NewEvent(EventKind.LOCKED_BY_HAND, _with_lock(six, at), reason=reason),)


def unlocked(user: User, *, reason: str) -> Step:
    """A lock is released; the PIN stays. The counter decides, also for an inactive user."""
    if not is_locked(user):
        raise Refused(Rule.NOT_LOCKED, user.login)
    return (_released(user, reason),)


# PINs.


def withdrawn(user: User, *, unlock: bool, reason: str | None) -> Step:
    """A reset: no PIN, and the counter at 0. A locked user stays locked unless `unlock`.

    An attacker who locked a user must not get new guesses by a reset.
    """
    released, now = _reset(user, unlock=unlock, reason=reason)
    if user.question is not None:
        return (*released, NewEvent(EventKind.PIN_WITHDRAWN, without_pin(now), reason=reason))
    if now == user:
        return ()
    return (*released, NewEvent(EventKind.RESET, now, reason=reason))


def issued(user: User, pin: NewPin, *, unlock: bool, reason: str | None, at: str) -> Step:
    """A reset that issues a new PIN at once; the counter is as after any reset."""
    released, now = _reset(user, unlock=unlock, reason=reason)
    barred = without_pin(now) if now.question is not None else now
    return (*released, _with_pin(barred, pin, reason=reason, at=at))


def collected(user: User, pin: NewPin, *, at: str) -> Step:
    """The owner's first look generates the PIN; the counter is untouched, locked or not."""
    return (_with_pin(user, pin, reason=None, at=at),)


def changed(user: User, pin: NewPin, *, at: str) -> Step:
    """The customer chooses a PIN: the counter goes to 0, and no PIN is barred any more."""
    if may_have_pin(user) and is_locked(user):
        raise Refused(Rule.LOCKED, user.login)
    now = user._replace(failed_attempts=0, locked_since=None, **_NO_BAR)
    return (_with_pin(now, pin, reason=None, at=at),)


def erased(user: User) -> Step:
    """What names a person goes from the record, and every PIN; the counter and totals stay."""
    if user.active:
        raise Refused(Rule.STILL_ACTIVE, user.login)
    bare = user if user.question is None else without_pin(user)
    now = bare._replace(
        login=erased_login(user.uid), display_name="", email=None, blind=None, **_NO_BAR, **_NO_CALL
    )
    return () if now == user else (NewEvent(EventKind.ERASED, now),)


def migrated(
    user: User, *, attempt: int | None, doubt: str | None, counter: int, version: int, at: str
) -> Step:
    """A user of schema 1 is taken over; an open attempt becomes a miss, as it was in version 1.

    If the trail contradicts the record, the PIN goes and the stricter counter stays.

    Args:
        user: The record as it was, without an attempt.
        attempt: The number of the attempt that was open.
        doubt: Why the PIN can't be trusted; None if it can.
        counter: What the user's last event says.
        version: The PIN's version by the user's last event.
        at: ISO 8601, UTC.
    """
    now = user._replace(failed_attempts=max(user.failed_attempts, counter))
    outcome = None if attempt is None else Outcome.INCORRECT.value
    step: Step = (NewEvent(EventKind.MIGRATED, now, attempt=attempt, outcome=outcome, note=doubt),)
    if is_locked(now) and now.locked_since is None:
        now = _with_lock(now, at)
        step += (NewEvent(EventKind.LOCKED, now),)
    if doubt is not None:
        gone = without_pin(now)._replace(pin_version=max(user.pin_version, version) + 1)
        if user.question is None:
            gone = gone._replace(**_NO_BAR)
        step += (NewEvent(EventKind.PIN_WITHDRAWN, gone, note=doubt),)
    return step


def counter_reset(user: User, *, unlock: bool) -> User:
    """The record with the counter as a reset leaves it."""
    if (is_locked(user) and not unlock) or (user.failed_attempts == 0 and not user.locked_since):
        return user
    return user._replace(failed_attempts=0, locked_since=None)


def without_pin(user: User) -> User:
    """The record without its PIN, which is barred from now on; counter and lock stay."""
    return user._replace(
        **_NO_PIN,
        pin_version=user.pin_version + 1,
        barred_question=user.question,
        barred_check=user.pin_check,
        barred_key=user.verify_key,
        barred_version=user.pin_version,
    )


# What a restore makes of counters.


def stricter(user: User, other: User) -> User:
    """The first record, with the stricter of both counters, locks, totals and deactivations.

    Both are of the same user, and neither has an open attempt.
    """
    attempted = _later(user, other, "last_attempt_at")
    verified = _later(user, other, "last_verified_at")
    return user._replace(
        active=user.active and other.active,
        failed_attempts=max(user.failed_attempts, other.failed_attempts),
        locked_since=user.locked_since or other.locked_since,
        last_locked_at=_later(user, other, "last_locked_at").last_locked_at,
        locks_total=max(user.locks_total, other.locks_total),
        attempts_total=max(user.attempts_total, other.attempts_total),
        last_attempt_at=attempted.last_attempt_at,
        last_attempt_by=attempted.last_attempt_by,
        last_verified_at=verified.last_verified_at,
        last_verified_by=verified.last_verified_by,
    )


def without_attempt(user: User) -> User:
    """The record without its open attempt."""
    return user._replace(**_NO_ATTEMPT)


def bounded(counter: int) -> int:
    """A counter that somebody may have made up, within its bounds."""
    return max(0, min(counter, ATTEMPTS_ALLOWED))


def with_counter(user: User, counter: int) -> User:
    """The record with the counter from the trail, within its bounds."""
    return user._replace(failed_attempts=bounded(counter))


def with_counter_of_at_least(user: User, counter: int) -> User:
    """The record with the stricter of its own counter and the one from the trail."""
    return with_counter(user, max(user.failed_attempts, counter))


def with_lock_noted(user: User, *, at: str) -> User:
    """The record with `locked_since` set if it is locked, and only then."""
    if not is_locked(user):
        return user._replace(locked_since=None)
    return user if user.locked_since is not None else _with_lock(user, at)


def _later(user: User, other: User, field: str) -> User:
    """The record with the later time in a field."""
    return other if (getattr(other, field) or "") > (getattr(user, field) or "") else user


def _tried(user: User, change: Change) -> tuple[Step, Refusal | None]:
    try:
        return change(user), None
    except (Refused, NoPinPossible) as refusal:
        return (), refusal


def _is_right(user: User) -> bool:
    """Whether the open attempt's answer is right; in constant time."""
    if user.attempt_answer is None or user.pin_check is None:
        return False
    return hmac.compare_digest(user.attempt_answer, user.pin_check)


def _wrong(user: User, at: str) -> Step:
    closed = without_attempt(user)
    end = _end(user, closed, EventKind.INCORRECT, Outcome.INCORRECT)
    if not is_locked(closed):
        return (end,)
    return (end, NewEvent(EventKind.LOCKED, _with_lock(closed, at), origin=end.origin))


def _end(user: User, ended: User, kind: EventKind, outcome: Outcome) -> NewEvent:
    return NewEvent(
        kind,
        ended,
        attempt=user.attempt,
        outcome=outcome.value,
        ticket=user.attempt_ticket,
        origin=Origin(user.attempt_agent or "", user.attempt_command or ""),
    )


def _with_lock(user: User, at: str) -> User:
    return user._replace(locked_since=at, last_locked_at=at, locks_total=user.locks_total + 1)


def _reset(user: User, *, unlock: bool, reason: str | None) -> tuple[Step, User]:
    """The release of a lock, if there is one to release, and the record after the reset."""
    released = (_released(user, reason),) if unlock and is_locked(user) else ()
    return released, counter_reset(after(user, released), unlock=unlock)


def _released(user: User, reason: str | None) -> NewEvent:
    free = user._replace(failed_attempts=0, locked_since=None)
    return NewEvent(EventKind.UNLOCKED, free, reason=reason)


def _with_pin(user: User, pin: NewPin, *, reason: str | None, at: str) -> NewEvent:
    if not may_have_pin(user):
        raise NoPinPossible(user.login, state_of(user))
    now = user._replace(
        question=pin.question,
        pin_check=pin.check,
        pin_proof=pin.proof,
        verify_key=pin.verify_key,
        sealed=pin.sealed,
        portal_key=pin.portal_key,
        pin_set_at=at,
        pin_set_by=pin.set_by,
        pin_version=pin.version,
    )
    return NewEvent(_PIN_KINDS[pin.set_by], now, reason=reason)
