"""An agent at the desk: the state of the shift, what it asks of the store, and the clock."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pincli.commands.desk import shift as machine
from pincli.commands.desk.state import (
    AddTicket,
    Announce,
    Answer,
    Card,
    Check,
    Effect,
    Find,
    Move,
    Open,
    Shift,
)
from pincli.commands.desk.work import Work
from pincli.models import User


class Sitting:
    """One shift, whatever shows it.

    Attributes:
        work: The store's side.
    """

    def __init__(self, work: Work, *, idle_seconds: float = machine.IDLE_SECONDS) -> None:
        """Begin a shift.

        Args:
            work: The store's side.
            idle_seconds: After so long without a key, a caller's details are cleared.
        """
        self.work = work
        self._viewed: User | None = None
        self._is_at_work = False
        self._shift = Shift()
        self._idle_seconds = idle_seconds
        self._last_key = _now()
        self._is_answer_new = False

    @property
    def shift(self) -> Shift:
        """Its state."""
        return self._shift

    @shift.setter
    def shift(self, shift: Shift) -> None:
        """Go on to another state; a card that is left without a PIN was viewed, on record."""
        self._shift = shift
        if shift.caller is None and self._viewed is not None:
            viewed, self._viewed = self._viewed, None
            with self._at_work():
                warning = self.work.note_viewed(viewed)
            self._shift = shift._replace(warning=warning or shift.warning)

    def close(self) -> None:
        """Nobody looks at a card any more; nothing is done in the middle of work on the store."""
        if not self._is_at_work:
            self.shift = machine.cancelled(self.shift)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._is_at_work = True
        try:
            yield
        finally:
            self._is_at_work = False

    def take(self, move: Move) -> None:
        """Go on to the next state, by way of the store where it asks something."""
        self.shift, effect = move
        if effect is None:
            return
        with self._at_work():
            answer = self._answer(effect)
        self.shift = machine.answered(self.shift, answer, time.strftime("%H:%M"))
        if isinstance(answer, Card):
            self._viewed = answer.user
        self._is_answer_new = not isinstance(effect, Find) or not effect.narrows

    def _answer(self, effect: Effect) -> Answer:
        match effect:
            case Find():
                return self.work.find(effect)
            case Open():
                return self.work.open(effect)
            case Announce():
                return self.work.announce(effect)
            case AddTicket():
                return self.work.add_ticket(effect)
            case Check():
                self._viewed = None
                return self.work.check(effect)

    def shown(self) -> None:
        """What is done after an answer is shown, when nobody waits any more."""
        if not self._is_answer_new:
            return
        self._is_answer_new = False
        with self._at_work():
            self.work.tell_of_locks()
            self.work.renew_pin()
        # Collection is off, so that it never comes between Enter and a verdict.
        gc.collect()

    def note_warning(self) -> None:
        """Have what went wrong with a hook shown, if anything did."""
        warning = self.work.warning()
        if warning is not None:
            self.shift = self.shift._replace(warning=warning)

    def key_pressed(self) -> None:
        """Note that somebody is there; after a night's sleep it may not be about that caller."""
        self.clear_if_idle()
        self._last_key = _now()

    def clear_if_idle(self) -> float:
        """Clear what belongs to a caller once it is time; how long until this is due again."""
        rest = self._last_key + self._idle_seconds - _now()
        if rest > 0:
            return rest
        self.shift = machine.gone_idle(self.shift)
        return self._idle_seconds


def _now() -> float:
    """Seconds; they go on while a laptop sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
