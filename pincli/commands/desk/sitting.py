"""An agent at the desk: the state of the shift, what it asks of the store, and the clock."""

from __future__ import annotations

import gc
import time

from pincli.commands.desk import shift as machine
from pincli.commands.desk.state import Check, Find, Move, Open, Shift
from pincli.commands.desk.work import Work


class Sitting:
    """One shift, whatever shows it.

    Attributes:
        shift: Its state.
        work: The store's side.
    """

    def __init__(self, work: Work, *, idle_seconds: float = machine.IDLE_SECONDS) -> None:
        """Begin a shift.

        Args:
            work: The store's side.
            idle_seconds: After so long without a key, a caller's details are cleared.
        """
        self.shift = Shift()
        self.work = work
        self._idle_seconds = idle_seconds
        self._last_key = _now()
        self._is_answer_new = False

    def take(self, move: Move) -> None:
        """Go on to the next state, by way of the store where it asks something."""
        self.shift, effect = move
        if effect is None:
            return
        match effect:
            case Find():
                answer = self.work.find(effect)
            case Open():
                answer = self.work.open(effect)
            case Check():
                answer = self.work.check(effect)
        self.shift = machine.answered(self.shift, answer)
        self._is_answer_new = not isinstance(effect, Find) or not effect.narrows

    def shown(self) -> None:
        """What follows an answer once it is shown: nobody waits for that any more."""
        if not self._is_answer_new:
            return
        self._is_answer_new = False
        self.work.tell_of_locks()
        self.work.renew_pin()
        # Collection is off, lest it comes between Enter and a verdict.
        gc.collect()

    def note_warning(self) -> None:
        """Have what went wrong with a hook shown, if anything did."""
        warning = self.work.warning()
        if warning is not None:
            self.shift = self.shift._replace(warning=warning)

    def key_pressed(self) -> None:
        """Somebody is there; but it may be after a night's sleep, and not about that caller."""
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
