"""The desk in lines: for terminals whose cursor can't be moved, and for screen readers."""

from __future__ import annotations

import signal
import sys
import termios
from collections.abc import Sequence
from types import FrameType

from pincli.commands.desk import rendering, transitions
from pincli.commands.desk.controller import Controller
from pincli.commands.desk.state import Listing, Transition
from pincli.commands.interrupts import handling
from pincli.commands.output import show, writing
from pincli.commands.prompts import ask_hidden, ask_line
from pincli.errors import Interrupted
from pincli.views import desk as view
from pincli.views.blocks import Block, Menu, Note, Tone

_ESCAPE = "\x1b"
_KEYS = "Enter: next, Ctrl-C: cancel the call, Ctrl-D: end shift"


class Lines:
    """One shift at one terminal, question after question."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._asking = False

    def run(self) -> None:
        """Go on until the agent ends the shift.

        Raises:
            Interrupted: The terminal is gone.
        """
        controller = self._controller
        with handling({signal.SIGINT: self._interrupt}):
            self._say([*view.opening(), Note(_KEYS)])
            while (answer := self._ask()) is not None:
                before = controller.shift
                controller.key_pressed()
                if controller.shift is before:  # not cleared: the answer is this caller's
                    controller.apply(self._transition(answer))
                if before.caller is not None:
                    # What was typed meanwhile must not turn up as the next caller's name.
                    termios.tcflush(sys.stdin, termios.TCIFLUSH)
                controller.take_warning()
                self._say(self._news(before.tally))
                controller.after_showing()

    def _ask(self) -> str | None:
        """The next line; None at the end of the shift."""
        caller = self._controller.shift.caller
        try:
            self._asking = True
            return ask_line("caller: ") if caller is None else ask_hidden("PIN: ")
        except KeyboardInterrupt:
            self._say([Note("")])
            return _ESCAPE
        except Interrupted:
            try:
                termios.tcgetattr(sys.stdin)
            except termios.error:
                raise Interrupted from None
            return None
        finally:
            self._asking = False

    def _transition(self, answer: str) -> Transition:
        shift = self._controller.shift
        if _ESCAPE in answer:
            return transitions.cancel(shift), None
        if shift.caller is not None:
            return transitions.enter(transitions.type_pin(shift, answer))
        listing = shift.message
        if isinstance(listing, Listing):
            numbers = map(str, range(1, len(listing.found.people) + 1))
            if answer in numbers:
                chosen = listing._replace(chosen=int(answer) - 1)
                return transitions.enter(shift._replace(message=chosen))
        line = transitions.pasted_line(answer)
        verdict = shift.message if transitions.adds_ticket(shift, line) else None
        return transitions.enter(shift._replace(line=line, message=verdict, warning=""))

    def _news(self, before: view.Tally) -> list[Block]:
        shift = self._controller.shift
        blocks = view.without_bands(rendering.message(shift))
        if isinstance(shift.message, Listing) and shift.message.found.people:
            rows = enumerate(view.people_rows(shift.message.found, view.WIDEST), start=1)
            numbered = [(str(number), *row) for number, row in rows]
            blocks.append(Menu(numbered, None))
            blocks.append(Note("    The number of one of them, or other words.", Tone.QUIET))
        if shift.tally != before:
            blocks.append(Note(f"this shift: {view.counts(shift.tally)}"))
        return blocks

    @staticmethod
    def _say(blocks: Sequence[Block]) -> None:
        with writing():
            show(blocks, sys.stdout)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """What comes while a PIN is compared must not take the verdict away."""
        if self._asking:
            self._asking = False
            raise KeyboardInterrupt
