"""Six, then locked: what each event makes of a user's record (DESIGN.md 2.4).

Each function takes a record and gives the *step*: the events, each with the record as it is
after it. The last one's record is what the store writes. No events: nothing to do. Nothing
else in pincli does arithmetic on the counter.
"""

from __future__ import annotations

from pincli.errors import AttemptTakenOver, NoPinPossible, Refused, Rule
from pincli.models import (
    EventKind,
    NewEvent,
    NewPin,
    Outcome,
    PinOrigin,
    State,
    StoredPin,
    User,
)
from pincli.rules.states import ATTEMPTS_ALLOWED, is_locked, may_have_pin, state_from, state_of

Step = tuple[NewEvent, ...]

_OUTCOME_KINDS = {
    Outcome.VERIFIED: EventKind.VERIFIED,
    Outcome.INCORRECT: EventKind.INCORRECT,
}
_PIN_KINDS = {
    PinOrigin.GENERATED: EventKind.PIN_GENERATED,
    PinOrigin.CUSTOMER: EventKind.PIN_CHANGED,
}


def attempts_left(failed_attempts: int) -> int:
    """How many more incorrect attempts there are until the PIN is locked; 0 when it is."""
    return max(0, ATTEMPTS_ALLOWED - failed_attempts)


def after(user: User, step: Step) -> User:
    """The record once a step was taken."""
    return (step[-1].user or user) if step else user


def charged(user: User, *, number: int, agent: str, ticket: str | None, at: str) -> Step:
    """An attempt is counted, before anybody knows whether its answer is right.

    Args:
        user: In the state `active`.
        number: Of the event that this becomes.
        agent: Who took the answer.
        ticket: The ticket it belongs to, masked.
        at: ISO 8601, UTC.

    Raises:
        AttemptTakenOver: An attempt is in flight already, or there is none left.
    """
    if user.open_attempt is not None or is_locked(user.failed_attempts):
        raise AttemptTakenOver(user.login)
    charge = user._replace(
        failed_attempts=user.failed_attempts + 1,
        attempts_total=user.attempts_total + 1,
        last_attempt_at=at,
        last_attempt_by=agent,
        open_attempt=number,
    )
    return (NewEvent(EventKind.ATTEMPT, charge, ticket=ticket),)


def settled(
    user: User,
    *,
    attempt: int,
    version: int,
    matched: bool,
    agent: str,
    ticket: str | None,
    at: str,
) -> Step:
    """A charged attempt ends, after its comparison.

    A right answer sets the counter to 0, so it is never what locks a user. It verifies only
    if state and PIN version are still those that were charged: nobody is verified with a PIN
    that was withdrawn meanwhile.

    Args:
        user: The record as it is now.
        attempt: The number of the attempt's event.
        version: The PIN version that the answer was compared with.
        matched: Whether it was right.
        agent: Who took the answer.
        ticket: The ticket it belongs to, masked.
        at: ISO 8601, UTC.

    Raises:
        AttemptTakenOver: Somebody else has ended the attempt; it stays charged.
    """
    if user.open_attempt != attempt:
        raise AttemptTakenOver(user.login)
    outcome = _outcome(user, version=version, matched=matched)
    ended = user._replace(open_attempt=None)
    if matched:
        ended = ended._replace(failed_attempts=0, locked_since=None)
    if outcome is Outcome.VERIFIED:
        ended = ended._replace(last_verified_at=at, last_verified_by=agent)
    kind = _OUTCOME_KINDS.get(outcome, EventKind.REFUSED)
    end = NewEvent(kind, ended, attempt=attempt, outcome=outcome.value, ticket=ticket)
    return (end, *lock_on_sixth(ended, at))


def abandoned(user: User, *, at: str) -> Step:
    """The attempt of a process that died between charge and settle ends, as a miss."""
    if user.open_attempt is None:
        return ()
    ended = user._replace(open_attempt=None)
    end = NewEvent(EventKind.ABANDONED, ended, attempt=user.open_attempt)
    return (end, *lock_on_sixth(ended, at))


def locked_by_hand(user: User, *, reason: str, at: str) -> Step:
    """Somebody locks the PIN; nothing where it is locked already."""
    if is_locked(user.failed_attempts):
        return lock_on_sixth(user, at)
    return (_lock(user._replace(failed_attempts=ATTEMPTS_ALLOWED), at, reason),)


def unlocked(user: User, *, reason: str) -> Step:
    """A lock is released; the PIN stays. The counter decides, also for an inactive user.

    Raises:
        Refused: The counter is below six.
    """
    if not is_locked(user.failed_attempts):
        raise Refused(Rule.NOT_LOCKED, user.login)
    return (_released(user, reason),)


def withdrawn(user: User, *, unlock: bool, reason: str | None) -> Step:
    """A reset: no PIN, and the counter at 0. A locked user stays locked unless `unlock`.

    Who locked a user must not get new guesses by a reset.
    """
    released = _release_for_reset(user, unlock=unlock, reason=reason)
    now = counter_reset(after(user, released), unlock=unlock)
    if user.pin is not None:
        return (*released, NewEvent(EventKind.PIN_WITHDRAWN, without_pin(now), reason=reason))
    if now == user:
        return ()
    return (*released, NewEvent(EventKind.RESET, now, reason=reason))


def issued(user: User, pin: NewPin, *, unlock: bool, reason: str | None, at: str) -> Step:
    """A reset that gives a new PIN at once; the counter is as after any reset.

    Raises:
        NoPinPossible: The user is inactive, or of a type without PINs.
    """
    released = _release_for_reset(user, unlock=unlock, reason=reason)
    now = counter_reset(after(user, released), unlock=unlock)
    return (*released, _with_pin(now, pin, reason=reason, at=at))


def collected(user: User, pin: NewPin, *, at: str) -> Step:
    """The owner's first look generates the PIN; the counter is untouched, locked or not.

    Raises:
        NoPinPossible: The user is inactive, or of a type without PINs.
    """
    return (_with_pin(user, pin, reason=None, at=at),)


def changed(user: User, pin: NewPin, *, at: str) -> Step:
    """The customer chooses a PIN; the counter goes to 0.

    Raises:
        NoPinPossible: The user is inactive, or of a type without PINs.
        Refused: The user is locked: first unlock, then change.
    """
    if may_have_pin(user) and is_locked(user.failed_attempts):
        raise Refused(Rule.LOCKED, user.login)
    now = user._replace(failed_attempts=0, locked_since=None)
    return (_with_pin(now, pin, reason=None, at=at),)


def lock_on_sixth(user: User, at: str) -> Step:
    """The lock, where the counter is at six and no event has recorded it yet."""
    if not is_locked(user.failed_attempts) or user.locked_since is not None:
        return ()
    return (_lock(user, at, None),)


def stricter(user: User, other: User) -> User:
    """A record with the stricter of its own counter, lock and totals and those of another."""
    return user._replace(
        failed_attempts=max(user.failed_attempts, other.failed_attempts),
        locked_since=other.locked_since or user.locked_since,
        locks_total=max(user.locks_total, other.locks_total),
        attempts_total=max(user.attempts_total, other.attempts_total),
    )


def counter_reset(user: User, *, unlock: bool) -> User:
    """The record with the counter as a reset leaves it."""
    if is_locked(user.failed_attempts) and not unlock:
        return user
    return user._replace(failed_attempts=0, locked_since=None)


def without_pin(user: User) -> User:
    """The record without its PIN, under a version of its own; counter and lock stay."""
    return user._replace(pin=None, pin_version=user.pin_version + 1)


def _with_pin(user: User, pin: NewPin, *, reason: str | None, at: str) -> NewEvent:
    if not may_have_pin(user):
        raise NoPinPossible(user.login, state_of(user))
    stored = StoredPin(pin.verifier, pin.verify_key, pin.sealed, pin.portal_key, at, pin.set_by)
    now = user._replace(pin=stored, pin_version=pin.version)
    return NewEvent(_PIN_KINDS[pin.set_by], now, reason=reason)


def _outcome(user: User, *, version: int, matched: bool) -> Outcome:
    """The answer, by the state that the record would have without the attempt's own charge.

    A bulk reset may have set the counter to 0 while the attempt was in flight; then it no
    longer holds the charge.
    """
    state = state_from(
        active=user.active,
        user_type=user.type,
        failed_attempts=max(0, user.failed_attempts - 1),
        has_pin=user.pin is not None,
    )
    if state is not State.ACTIVE:
        return Outcome(state.value)
    return Outcome.VERIFIED if matched and user.pin_version == version else Outcome.INCORRECT


def _lock(user: User, at: str, reason: str | None) -> NewEvent:
    now = user._replace(locked_since=at, last_locked_at=at, locks_total=user.locks_total + 1)
    return NewEvent(EventKind.LOCKED, now, reason=reason)


def _release_for_reset(user: User, *, unlock: bool, reason: str | None) -> Step:
    return (_released(user, reason),) if unlock and is_locked(user.failed_attempts) else ()


def _released(user: User, reason: str | None) -> NewEvent:
    free = user._replace(failed_attempts=0, locked_since=None)
    return NewEvent(EventKind.UNLOCKED, free, reason=reason)
