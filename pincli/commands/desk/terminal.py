"""The terminal while the desk has it: raw keys in, text out, and always given back as it was."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from types import FrameType
from typing import Protocol

from pincli.commands.desk.keys import Key, KeyEvent, KeyReader
from pincli.errors import Interrupted

_INPUT_MODES, _LOCAL_MODES, _CONTROL_CHARACTERS = 0, 3, 6
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_CHUNK = 4096
_USUAL_SIZE = (80, 24)


class Happening(Enum):
    """What comes from the terminal and is no key."""

    RESIZED = auto()
    STOPPED = auto()
    """Somebody else asks us to stop, as Ctrl-Z does."""
    CONTINUED = auto()
    WOKEN = auto()


class Looks(Protocol):
    """What is written when the terminal is taken and when it is given back."""

    def opening(self) -> str:
        """What makes the terminal ready."""

    def closing(self) -> str:
        """What leaves nothing of it behind."""


class Terminal:
    """Standard input and output, which must both be terminals.

    Keys are read raw: the terminal makes no signal of Ctrl-C and Ctrl-Z, so that what is
    typed while a PIN is compared neither parts the charge from the settle nor hides a verdict.
    """

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._input = sys.stdin.fileno()
        self._output = sys.stdout.fileno()
        self._reader = KeyReader()
        self._events: list[KeyEvent | Happening] = []
        self._before = termios.tcgetattr(self._input)
        self._taken = False
        self._woken, self._waker = os.pipe()
        for end in (self._woken, self._waker):
            os.set_blocking(end, False)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the terminal raw, and give it back whatever ends or stops us meanwhile."""
        handlers = {
            signal.SIGINT: self._note,
            signal.SIGTSTP: self._note,
            signal.SIGWINCH: self._note,
            signal.SIGCONT: self._take_again,
            **dict.fromkeys(_ENDING, self._give_back_and_end),
        }
        previous = {
            number: signal.signal(number, handler)
            for number, handler in handlers.items()
            # The parent process has it ignored, as nohup does.
            if signal.getsignal(number) is not signal.SIG_IGN
        }
        wakeup = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        try:
            self._take()
            yield
        finally:
            self._give_back()
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        try:
            columns, rows = os.get_terminal_size(self._output)
        except OSError:
            return _USUAL_SIZE
        return columns or _USUAL_SIZE[0], rows or _USUAL_SIZE[1]

    def write(self, text: str) -> None:
        """Write to the terminal.

        Raises:
            Interrupted: It is gone.
        """
        rest = text.encode("utf-8", "replace")
        with _if_it_is_there():
            while rest:
                rest = rest[os.write(self._output, rest) :]

    def wait(self, seconds: float | None) -> list[KeyEvent | Happening]:
        """What happens next; empty if nothing does within so many seconds.

        Args:
            seconds: None to wait for as long as it takes.

        Raises:
            Interrupted: The terminal is gone.
        """
        patience = self._reader.patience
        limits = [limit for limit in (seconds, patience) if limit is not None]
        if not self._events:
            ready, _, _ = select.select(
                [self._input, self._woken], [], [], min(limits) if limits else None
            )
            if self._woken in ready and b"\0" in os.read(self._woken, _CHUNK):
                self._events.append(Happening.WOKEN)
            if self._input in ready:
                self._events += self._read()
            elif not ready and patience is not None:
                self._events += self._reader.expire()
        events, self._events = self._events, []
        return events

    def forget_typed(self) -> None:
        """Throw away what was typed and not read yet."""
        self._reader.forget()
        self._events = [event for event in self._events if isinstance(event, Happening)]
        with _if_it_is_there():
            termios.tcflush(self._input, termios.TCIFLUSH)

    def wake(self) -> None:
        """Have `wait` return; for other threads."""
        os.write(self._waker, b"\0")

    def suspend(self) -> None:
        """Stop, as Ctrl-Z does, with the terminal given back; take it again afterwards."""
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
            return
        self._give_back()
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # All of the job, as the terminal would: sudo may stand between the shell and us.
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._take()
        self._events.append(Happening.CONTINUED)

    def _read(self) -> list[KeyEvent]:
        with _if_it_is_there():
            data = os.read(self._input, _CHUNK)
        if not data:
            raise Interrupted
        return self._reader.feed(data)

    def _take(self) -> None:
        """Raw keys, without echo; what was typed ahead was echoed, and is thrown away."""
        self._taken = True
        with _if_it_is_there():
            raw = termios.tcgetattr(self._input)
        raw[_INPUT_MODES] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
        raw[_LOCAL_MODES] &= ~(
            termios.ICANON | termios.ECHO | termios.ECHONL | termios.ISIG | termios.IEXTEN
        )
        raw[_CONTROL_CHARACTERS] = list(raw[_CONTROL_CHARACTERS])
        raw[_CONTROL_CHARACTERS][termios.VMIN] = 1
        raw[_CONTROL_CHARACTERS][termios.VTIME] = 0
        with _if_it_is_there():
            termios.tcsetattr(self._input, termios.TCSAFLUSH, raw)
        self.write(self._looks.opening())

    def _give_back(self) -> None:
        if not self._taken:
            return
        self._taken = False
        self._reader.forget()
        with suppress(Interrupted), _if_it_is_there():
            self.write(self._looks.closing())
            termios.tcsetattr(self._input, termios.TCSAFLUSH, self._before)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        event: KeyEvent | Happening = Happening.RESIZED
        if number == signal.SIGINT:
            event = Key.CANCEL
        elif number == signal.SIGTSTP:
            event = Happening.STOPPED
        self._events.append(event)

    def _take_again(self, _signal: int, _frame: FrameType | None) -> None:
        """The process that had the terminal meanwhile may have left it otherwise."""
        if self._taken:
            # A handler that raises could part a clean-up; `wait` finds out as well.
            with suppress(Interrupted):
                self._take()
            self._events.append(Happening.CONTINUED)

    def _give_back_and_end(self, number: int, _frame: FrameType | None) -> None:
        """A terminal that is gone ends the shift as `wait` finds it gone: by 130, on any way."""
        self._give_back()
        with suppress(termios.error):
            termios.tcgetattr(self._input)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


@contextmanager
def _if_it_is_there() -> Iterator[None]:
    """Use the terminal; Interrupted if it is gone."""
    try:
        yield
    except (OSError, termios.error):
        raise Interrupted from None
