"""The loop of a shift: show, wait for a key, do what it asks for."""

from __future__ import annotations

import gc
import time
from typing import Protocol

from pincli.commands.desk import shift as machine
from pincli.commands.desk.keys import Key, KeyEvent
from pincli.commands.desk.picture import picture
from pincli.commands.desk.screens import Screen
from pincli.commands.desk.state import Check, Complete, Do, Effect, LookUp, Shift
from pincli.commands.desk.terminal import Happening
from pincli.commands.desk.work import Work
from pincli.views.desk import Tally


class Keyboard(Protocol):
    """What the loop needs of a terminal."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""

    def write(self, text: str) -> None:
        """Write to it."""

    def wait(self, seconds: float | None) -> list[KeyEvent | Happening]:
        """What happens next; empty if nothing does within so many seconds."""

    def forget_typed(self) -> None:
        """Throw away what was typed and not read yet."""

    def suspend(self) -> None:
        """Stop, and go on when continued."""


class Loop:
    """One shift at one terminal."""

    def __init__(
        self,
        terminal: Keyboard,
        screen: Screen,
        work: Work,
        *,
        idle_seconds: float = machine.IDLE_SECONDS,
    ) -> None:
        """Show nothing yet.

        Args:
            terminal: Where the agent sits.
            screen: How it shows things.
            work: The store's side.
            idle_seconds: After so long without a key, a caller's details are cleared.
        """
        self._terminal = terminal
        self._screen = screen
        self._work = work
        self._idle_seconds = idle_seconds
        self._shift = Shift()
        self._last_key = _now()
        self._events: list[KeyEvent | Happening] = []

    def run(self) -> Tally:
        """Go on until the agent ends the shift; how its calls ended.

        Raises:
            Interrupted: The terminal is gone.
        """
        self._show()
        while True:
            self._events = self._terminal.wait(self._until_idle())
            # Before the key that ended the wait: it may come after a night's sleep.
            if self._until_idle() == 0:
                self._shift = machine.gone_idle(self._shift)
            while self._events:
                if not self._take(self._events.pop(0)):
                    return self._shift.tally
            self._show()

    def _take(self, event: KeyEvent | Happening) -> bool:
        """Act on an event; False if it ends the shift."""
        if event is Happening.WOKEN:
            warning = self._work.warning()
            if warning is not None:
                self._shift = machine.warned(self._shift, warning)
        elif event is Happening.STOPPED:
            return self._take(Key.SUSPEND)
        elif isinstance(event, Happening):
            self._terminal.write(self._screen.redrawn())
        else:
            self._last_key = _now()
            self._shift, effect = machine.pressed(self._shift, event)
            if effect is Do.FINISH:
                return False
            if effect is not None:
                self._do(effect)
        return True

    def _do(self, effect: Effect) -> None:
        match effect:
            case LookUp():
                ticket, answer = self._work.look_up(effect)
                self._shift = machine.answered(self._shift, ticket, answer)
                self._tell_of_locks()
            case Complete():
                self._shift = machine.completed(self._shift, *self._work.complete(effect))
            case Check():
                answer = self._work.check(effect)
                # Digits typed meanwhile must not turn up as the next caller's name, nor an
                # impatient Esc take the verdict away.
                self._terminal.forget_typed()
                self._events = [each for each in self._events if isinstance(each, Happening)]
                self._shift = machine.answered(self._shift, effect.ticket, answer)
                self._tell_of_locks()
                self._work.renew_pin()
                # Collection is off, lest it comes between Enter and a verdict.
                gc.collect()
            case Do.SUSPEND:
                self._terminal.suspend()
            case Do.REDRAW:
                self._terminal.write(self._screen.redrawn())

    def _tell_of_locks(self) -> None:
        """As `verify` does: once the verdict is shown."""
        self._show()
        self._work.tell_of_locks()

    def _show(self) -> None:
        self._terminal.write(self._screen.next(picture(self._shift), self._terminal.size))

    def _until_idle(self) -> float | None:
        """Seconds until there is something to clear; None if there is nothing."""
        if not machine.holds_details(self._shift):
            return None
        return max(0.0, self._last_key + self._idle_seconds - _now())


def _now() -> float:
    """Seconds; they go on while a laptop sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
