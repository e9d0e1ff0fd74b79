"""One shift: its state, the requests to the store, and the clock."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pincli.commands.desk import transitions
from pincli.commands.desk.backend import Backend
from pincli.commands.desk.state import Card, Check, Find, Shift, Transition
from pincli.commands.output import TICKET_MASKED
from pincli.models import User


class Controller:
    """One shift, for the screen and for plain lines alike."""

    def __init__(self, backend: Backend, *, idle_seconds: float = transitions.IDLE_SECONDS) -> None:
        """Begin a shift.

        Args:
            backend: The store's side.
            idle_seconds: After this time without a key, the caller's details are cleared.
        """
        self._backend = backend
        self._viewed: User | None = None
        self._is_busy = False
        self._shift = Shift(tickets=backend.tickets)
        self._idle_seconds = idle_seconds
        self._last_key = _now()
        self._is_answer_new = False

    @property
    def shift(self) -> Shift:
        """The state."""
        return self._shift

    @shift.setter
    def shift(self, shift: Shift) -> None:
        """Set the next state; record a view if a card is left without a PIN."""
        self._shift = shift
        if shift.caller is None and self._viewed is not None:
            viewed, self._viewed = self._viewed, None
            with self._busy():
                warning = self._backend.note_viewed(viewed)
            self._shift = shift._replace(warning=warning or shift.warning)

    def close(self) -> None:
        """Leave an open card. Does nothing if a signal interrupted work on the store."""
        if not self._is_busy:
            self.shift = transitions.cancel(self.shift)

    def apply(self, transition: Transition) -> None:
        """Go on to the next state, by way of the store if it is asked."""
        self.shift, request = transition
        if request is None:
            return
        if isinstance(request, Check):
            self._viewed = None
        with self._busy():
            response = self._backend.respond(request)
        self.shift = transitions.receive(self.shift, response)
        if self._backend.masked_ticket():
            self.shift = self.shift._replace(warning=TICKET_MASKED)
        if isinstance(response, Card):
            self._viewed = response.user
        self._is_answer_new = not isinstance(request, Find) or not request.narrows

    def after_showing(self) -> None:
        """Do what can wait until the answer is shown."""
        if not self._is_answer_new:
            return
        self._is_answer_new = False
        with self._busy():
            self._backend.after_showing()
        # Collection is off, so that it never comes between Enter and a verdict.
        gc.collect()

    def take_warning(self) -> None:
        """Show how a hook failed, if one did."""
        warning = self._backend.warning()
        if warning is not None:
            self.shift = self.shift._replace(warning=warning)

    def key_pressed(self) -> None:
        """Note that somebody is there; after a night's sleep it may not be about that caller."""
        self.clear_if_idle()
        self._last_key = _now()

    def clear_if_idle(self) -> float:
        """Clear the caller's details if it is time. Return the seconds until the next look."""
        rest = self._last_key + self._idle_seconds - _now()
        if rest > 0:
            return rest
        self.shift = transitions.clear_idle(self.shift)
        return self._idle_seconds

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False


def _now() -> float:
    """Seconds on a clock that also runs while a laptop sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
