"""Replaying a trail: whether each event's counter follows from those before it.

A counter put back between two attempts shows here, although every later event agrees with
the record. This is a second look at the table of lockout.py, from its events alone.
"""

from __future__ import annotations

from typing import NamedTuple

from pincli.models import EventKind, TrailEvent
from pincli.rules.states import ATTEMPTS_ALLOWED


class Course(NamedTuple):
    """How far a user's story has been told.

    Attributes:
        counter: Consecutive incorrect attempts.
        attempt: The number of the attempt that has no outcome yet.
        changed: The number of the event that changed the record last.
        record: The record's digest after it.
    """

    counter: int = 0
    attempt: int | None = None
    changed: int = 0
    record: bytes = b""


_OUTCOMES = frozenset({EventKind.VERIFIED, EventKind.INCORRECT})
_BEGINNINGS = frozenset({EventKind.USER_ADDED, EventKind.MIGRATED})
_RESETS = frozenset({EventKind.RESET, EventKind.PIN_WITHDRAWN, EventKind.PIN_GENERATED})
_KINDS = {kind.value: kind for kind in EventKind}


def replayed(event: TrailEvent, before: Course | None) -> Course | str:
    """The story with one more event; or what is impossible about it, in words.

    Args:
        event: About a user.
        before: The story so far; None where it begins.
    """
    kind = _KINDS.get(event.kind)
    if kind is None or event.counter is None:
        return "its kind or its counter is unknown"
    if (before is None) != (kind in _BEGINNINGS):
        return "the user's story does not begin there"
    before = before or Course(event.counter)
    attempt = before.attempt
    ends = kind in _OUTCOMES or (kind is EventKind.REFUSED and event.attempt is not None)
    if kind is EventKind.ATTEMPT:
        if attempt is not None:
            return "an attempt was charged while another was open"
        attempt = event.number
    elif ends:
        if event.attempt != attempt:
            return "an outcome without its charge"
        attempt = None
    elif attempt is not None and event.record is not None:
        return "the record changed while an attempt was open"
    if event.counter not in _possible(kind, before.counter, ends=ends):
        return f"the counter went from {before.counter} to {event.counter}"
    if event.record is None:
        return before._replace(attempt=attempt, counter=event.counter)
    return Course(event.counter, attempt, event.number, event.record)


def _possible(kind: EventKind, counter: int, *, ends: bool) -> range | tuple[int, ...]:
    """The counters that an event may leave."""
    if kind is EventKind.ATTEMPT:
        return (counter + 1,) if counter < ATTEMPTS_ALLOWED else ()
    if kind is EventKind.VERIFIED or (kind is EventKind.REFUSED and ends):
        return (0,)
    if kind in (EventKind.LOCKED, EventKind.LOCKED_BY_HAND):
        right = kind is EventKind.LOCKED_BY_HAND or counter == ATTEMPTS_ALLOWED
        return (ATTEMPTS_ALLOWED,) if right else ()
    if kind is EventKind.UNLOCKED:
        return (0,) if counter == ATTEMPTS_ALLOWED else ()
    if kind is EventKind.PIN_CHANGED:
        return (0,) if counter < ATTEMPTS_ALLOWED else ()
    if kind in _RESETS:
        # A reset sets the counter to 0; a first look and a deactivation leave it.
        return (counter,) if counter == ATTEMPTS_ALLOWED else (0, counter)
    if kind is EventKind.RESTORED:
        return range(counter, ATTEMPTS_ALLOWED + 1)
    return (counter,)
