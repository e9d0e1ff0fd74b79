"""A replay of the audit trail: the rules must allow every event at its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from pincli.models import EventKind
from pincli.results import Event

ALLOWED = 6
_BESIDE_AN_ATTEMPT = (EventKind.ATTEMPT, EventKind.REFUSED)
"""The events that may happen while an attempt is open: they change no record."""


@dataclass
class _Line:
    """The state of one user after the events so far."""

    counter: int = 0
    charges: int = 0
    version: int = 0
    has_pin: bool = False
    active: bool = True
    open_attempt: int | None = None
    open_version: int = 0


def play(events: Iterable[Event]) -> None:
    """Fail if the trail holds what must never happen, to any user.

    More than six charges between two events that set the counter to 0; two attempts open at
    once; one that is closed twice or never opened; a record that changes while one is open;
    somebody verified with a PIN that was withdrawn or replaced since; a lock short of six.
    """
    lines: dict[str, _Line] = defaultdict(_Line)
    for number, event in enumerate(events, start=1):
        assert event.seq == number, event
        if event.user is not None and event.attempts_used is not None:
            _play(lines[event.user], event)


def _play(line: _Line, event: Event) -> None:  # noqa: PLR0912
    used = event.attempts_used
    assert used is not None
    assert 0 <= used <= ALLOWED, event
    match event.kind:
        case EventKind.ATTEMPT:
            _open(line, event)
        case EventKind.VERIFIED:
            assert line.version == line.open_version == event.pin_version, event
            assert used == 0, event
            _close(line, event)
        case EventKind.INCORRECT:
            assert used == line.counter, event
            _close(line, event)
        case EventKind.REFUSED if event.attempt is not None:
            assert used == 0, event
            _close(line, event)
        case EventKind.LOCKED:
            assert used == line.counter == ALLOWED, event
        case EventKind.LOCKED_BY_HAND:
            assert used == ALLOWED, event
        case EventKind.UNLOCKED:
            assert (line.counter, used) == (ALLOWED, 0), event
        case EventKind.PIN_GENERATED | EventKind.PIN_CHANGED | EventKind.PIN_WITHDRAWN:
            assert used in (0, line.counter), event
            line.has_pin = event.kind is not EventKind.PIN_WITHDRAWN
            line.version = _next_version(line, event)
        case EventKind.RESET:
            assert used == 0, event
        case EventKind.RESTORED:
            assert used >= line.counter, event
            line.version = event.pin_version or 0
        case EventKind.ACTIVATED | EventKind.DEACTIVATED:
            assert used == line.counter, event
            line.active = event.kind is EventKind.ACTIVATED
        case _:
            assert used == line.counter, event
    assert line.open_attempt is None or event.kind in _BESIDE_AN_ATTEMPT, event
    line.counter = used
    if used == 0:
        line.charges = 0


def _open(line: _Line, event: Event) -> None:
    assert line.open_attempt is None, event
    assert line.has_pin, event
    assert line.active, event
    assert event.attempts_used == line.counter + 1, event
    line.open_attempt, line.open_version = event.seq, line.version
    line.charges += 1
    assert line.charges <= ALLOWED, event


def _close(line: _Line, event: Event) -> None:
    assert event.attempt is not None, event
    assert line.open_attempt == event.attempt, event
    line.open_attempt = None


def _next_version(line: _Line, event: Event) -> int:
    assert event.pin_version == line.version + 1, event
    return line.version + 1


def count(events: Iterable[Event], kind: EventKind) -> int:
    """How many events are of a kind."""
    return sum(event.kind is kind for event in events)
