"""The desk in lines: for terminals whose cursor can't be moved, and for screen readers."""

from __future__ import annotations

import signal
import sys
import termios
from collections.abc import Sequence
from types import FrameType

from pincli.commands.desk import picture
from pincli.commands.desk import shift as machine
from pincli.commands.desk.sitting import Sitting
from pincli.commands.desk.state import Listing, Move
from pincli.commands.interrupts import handling
from pincli.commands.output import show, writing
from pincli.commands.prompts import ask_hidden, ask_line
from pincli.errors import Interrupted
from pincli.views import desk as view
from pincli.views.blocks import Block, Menu, Note

_ESCAPE = "\x1b"
_KEYS = (("Enter", "next"), ("Ctrl-C", "cancel the call"), ("Ctrl-D", "end shift"))


class Lines:
    """One shift at one terminal, question after question."""

    def __init__(self, sitting: Sitting) -> None:
        """Ask nothing yet."""
        self._sitting = sitting
        self._asking = False

    def run(self) -> None:
        """Go on until the agent ends the shift.

        Raises:
            Interrupted: The terminal is gone.
        """
        sitting = self._sitting
        with handling({signal.SIGINT: self._interrupt}):
            self._say([*view.opening(), Note(", ".join(f"{key}: {what}" for key, what in _KEYS))])
            while (answer := self._ask()) is not None:
                before = sitting.shift
                sitting.key_pressed()
                if sitting.shift is before:
                    sitting.take(self._move(answer))
                if before.caller is not None:
                    # What was typed meanwhile must not turn up as the next caller's name.
                    termios.tcflush(sys.stdin, termios.TCIFLUSH)
                sitting.note_warning()
                self._say(self._news(before.tally))
                sitting.shown()

    def _ask(self) -> str | None:
        """The next line; None at the end of the shift."""
        caller = self._sitting.shift.caller
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

    def _move(self, answer: str) -> Move:
        shift = self._sitting.shift
        if _ESCAPE in answer:
            return machine.cancelled(shift), None
        if shift.caller is not None:
            return machine.entered(machine.typed(shift, answer))
        said = shift.said
        if isinstance(said, Listing) and answer in map(str, range(1, len(said.found.people) + 1)):
            return machine.entered(shift._replace(said=said._replace(chosen=int(answer) - 1)))
        shift = shift._replace(line=machine.pasted(answer), said=None)
        return machine.entered(shift)

    def _news(self, before: view.Tally) -> list[Block]:
        shift = self._sitting.shift
        blocks = view.as_lines(picture.said(shift))
        if isinstance(shift.said, Listing) and shift.said.found.people:
            rows = enumerate(view.people(shift.said.found, view.WIDEST), start=1)
            numbered = [(str(number), *row) for number, row in rows]
            blocks.append(Menu(numbered, None, "The number of one of them, or other words."))
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
