"""Replaying a trail: whether each event's counter follows from the events before it.

A counter put back between two attempts shows here, even if all later events agree with the
record. This checks the table of lockout.py a second time, from the events alone.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from pincli.models import EventKind, TrailEvent
from pincli.rules.lockout import ATTEMPTS_ALLOWED


class Course(NamedTuple):
    """A user's state after the events so far.

    Attributes:
        counter: Consecutive incorrect attempts.
        attempt: The number of the open attempt.
        changed: The number of the event that changed the record last; 0 if unknown.
        record: The record's digest after it.
        version: The highest PIN version so far.
    """

    counter: int = 0
    attempt: int | None = None
    changed: int = 0
    record: bytes = b""
    version: int = 0


# Words, not members of the enumeration: they are compared at every event, and two texts are
# compared in half the time.
_KINDS = frozenset(kind.value for kind in EventKind)
_OUTCOMES = frozenset({EventKind.VERIFIED.value, EventKind.INCORRECT.value})
_BEGINNINGS = frozenset({EventKind.USER_ADDED.value, EventKind.MIGRATED.value})
_ATTEMPT, _REFUSED = EventKind.ATTEMPT.value, EventKind.REFUSED.value
_RESTORED = EventKind.RESTORED.value
_RESETS = frozenset({EventKind.PIN_WITHDRAWN, EventKind.PIN_GENERATED})


def replayed(event: TrailEvent, before: Course | None, *, archived: int = 0) -> Course | str:
    """The course after one more event of a user; or what is impossible about it, in words.

    Args:
        event: About the user.
        before: The course so far; None at the beginning.
        archived: Events up to this number are unknown; a course may begin among them.
    """
    kind, counter = event.kind, event.counter
    if kind not in _KINDS or counter is None:
        return "its kind or its counter is unknown"
    ends = kind in _OUTCOMES or (kind == _REFUSED and event.attempt is not None)
    if (before is None) != (kind in _BEGINNINGS) and kind != _RESTORED:
        if before is None and archived:
            return _resumed(event, event.attempt if ends else None, archived)
        return "the user's events can't begin there"
    before = before or Course(counter)
    was, open_attempt, changed, record, version = before
    wrong = None
    if ends or open_attempt is not None:
        wrong = _wrong_attempt(event, open_attempt, ends=ends)
    if wrong is None and counter not in _possible(kind, was, ends):
        wrong = f"the counter went from {was} to {counter}"
    if wrong is not None:
        return wrong
    attempt = event.number if kind == _ATTEMPT else None if ends else open_attempt
    if event.record is not None:
        changed, record = event.number, event.record
        version = max(version, event.pin_version or 0)
    elif counter == was and attempt == open_attempt:
        return before
    # Not _replace: it takes four times as long, and this runs for millions of events.
    return Course(counter, attempt, changed, record, version)


def _resumed(event: TrailEvent, ended: int | None, archived: int) -> Course | str:
    """The course from its first known event on, with any counter before it that is possible."""
    attempt = ended if ended is not None and ended <= archived else None
    course: Course | str = ""
    for counter in range(ATTEMPTS_ALLOWED + 1):
        course = replayed(event, Course(counter, attempt, version=event.pin_version or 0))
        if isinstance(course, Course):
            break
    return course


def _wrong_attempt(event: TrailEvent, attempt: int | None, *, ends: bool) -> str | None:
    """What is wrong about the attempt that is open, or not."""
    if ends:
        charged = attempt is not None and event.attempt == attempt
        return None if charged else "an outcome without its charge"
    if attempt is None or event.record is None:
        return None
    if event.kind == _ATTEMPT:
        return "an attempt was charged while another was open"
    return "the record changed while an attempt was open"


@cache  # a few hundred, asked for at every event
def _possible(kind: str, counter: int, ends: bool) -> range | tuple[int, ...]:
    """The counters that an event may leave."""
    six = counter == ATTEMPTS_ALLOWED
    if kind == EventKind.RESTORED:
        return range(counter, ATTEMPTS_ALLOWED + 1)
    if kind == EventKind.VERIFIED or (kind == EventKind.REFUSED and ends):
        return (0,)
    # What a reset leaves is 0; a first look and a deactivation leave the counter as it is.
    below_six: dict[str, tuple[int, ...]] = {
        EventKind.ATTEMPT: (counter + 1,),
        EventKind.PIN_CHANGED: (0,),
        EventKind.RESET: (0,),
        EventKind.LOCKED: (),
        EventKind.LOCKED_BY_HAND: (ATTEMPTS_ALLOWED,),
        EventKind.UNLOCKED: (),
        **dict.fromkeys(_RESETS, (0, counter)),
    }
    at_six: dict[str, tuple[int, ...]] = {
        EventKind.ATTEMPT: (),
        EventKind.PIN_CHANGED: (),
        EventKind.RESET: (),
        EventKind.LOCKED_BY_HAND: (),
        EventKind.UNLOCKED: (0,),
    }
    return (at_six if six else below_six).get(kind, (counter,))
