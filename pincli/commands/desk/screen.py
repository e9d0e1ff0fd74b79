"""The desk as a full screen, by prompt_toolkit: on the alternate screen, without scroll-back."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import DummyClipboard
from prompt_toolkit.data_structures import Point
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.named_commands import get_by_name
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    VSplit,
    Window,
)
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output import ColorDepth, create_output

from pincli.commands.desk import picture
from pincli.commands.desk import shift as machine
from pincli.commands.desk.keyboard import ESCAPE_SECONDS, Keyboard
from pincli.commands.desk.sitting import Sitting
from pincli.commands.desk.state import Check, Listing
from pincli.commands.interrupts import Handler, handling
from pincli.config import Display
from pincli.errors import Interrupted
from pincli.rules.names import is_printable
from pincli.rules.pins import PIN_LENGTH
from pincli.views import desk as view

_GIVE_BACK = b"\x1b[0m\x1b[H\x1b[J\x1b[?7h\x1b[?25h\x1b[?2004l\x1b[?1049l"
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_ENTER = (Keys.ControlM, Keys.ControlJ)
_CANCEL = (Keys.Escape, Keys.ControlC)
_CHOOSING = {
    Keys.Up: -1,
    Keys.ControlP: -1,
    Keys.BackTab: -1,
    Keys.Down: 1,
    Keys.ControlN: 1,
    Keys.ControlI: 1,
}
_EDITING = {
    Keys.Left: "backward-char",
    Keys.ControlB: "backward-char",
    Keys.Right: "forward-char",
    Keys.ControlF: "forward-char",
    Keys.Home: "beginning-of-line",
    Keys.ControlA: "beginning-of-line",
    Keys.End: "end-of-line",
    Keys.ControlE: "end-of-line",
    Keys.ControlH: "backward-delete-char",
    Keys.Delete: "delete-char",
    Keys.ControlW: "unix-word-rubout",
    Keys.ControlU: "unix-line-discard",
    Keys.ControlK: "kill-line",
}
"""All keys that edit the line: prompt_toolkit's others, such as macros, keep what was typed."""


class Screen:
    """One shift at one terminal, which standard input and output both are."""

    def __init__(self, sitting: Sitting, display: Display) -> None:
        """Take nothing yet.

        Args:
            sitting: The shift.
            display: What the terminal can show.
        """
        self._sitting = sitting
        self._display = display
        self._checking = self._stopping = False
        self._keyboard = Keyboard()
        self._before = termios.tcgetattr(self._keyboard.fileno())
        # Neither keeps what was typed: it may be a PIN, in the wrong place.
        self._line = Buffer(history=DummyHistory(), multiline=False)
        self._marks = Window(
            FormattedTextControl(self._pin, focusable=True, get_cursor_position=self._mark),
            height=1,
        )
        self._app: Application[None] = Application(
            self._layout(),
            full_screen=True,
            erase_when_done=True,
            clipboard=DummyClipboard(),
            color_depth=None if display.color else ColorDepth.DEPTH_1_BIT,
            key_bindings=self._bindings(),
            input=self._keyboard,
            # Not Python's own stream, which would keep what a terminal that is gone never got.
            output=create_output(open(sys.stdout.fileno(), "w", closefd=False)),  # noqa: SIM115
            terminal_size_polling_interval=None,
        )
        self._app.ttimeoutlen = ESCAPE_SECONDS
        self._app.after_render += lambda _: self._safely(self._sitting.shown)

    def run(self) -> None:
        """Go on until the agent ends the shift, and give the terminal back whatever ends it.

        Raises:
            Interrupted: The terminal is gone.
        """
        try:
            with handling(self._handlers()):
                self._keyboard.forget()  # it was echoed
                asyncio.run(self._running())
        except EOFError:
            raise Interrupted from None
        except (OSError, termios.error):
            self._require_terminal()
            raise
        finally:
            with suppress(OSError, termios.error):
                self._app.renderer.reset()
                termios.tcsetattr(self._keyboard.fileno(), termios.TCSAFLUSH, self._before)

    def wake(self) -> None:
        """Have a warning shown; for other threads."""
        self._soon(lambda: self._safely(self._warn))

    async def _running(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._failed)
        clearing = asyncio.create_task(self._clear_when_idle())
        try:
            await self._app.run_async(set_exception_handler=False, handle_sigint=False)
        finally:
            clearing.cancel()

    async def _clear_when_idle(self) -> None:
        while True:
            await asyncio.sleep(self._sitting.clear_if_idle())
            self._follow()

    # Keys

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()

        @bindings.add(Keys.Any, eager=True)
        def _(event: KeyPressEvent) -> None:
            self._safely(lambda: self._pressed(event))

        return bindings

    def _pressed(self, event: KeyPressEvent) -> None:
        sitting, key = self._sitting, event.key_sequence[0].key
        sitting.key_pressed()
        self._follow()
        if key in _ENTER:
            self._enter()
        elif key in _CANCEL:
            sitting.shift = machine.cancelled(sitting.shift)
        elif key == Keys.ControlD:
            self._app.exit()
        elif key == Keys.ControlZ:
            self._stop()
        elif key == Keys.ControlR:
            sitting.shift = machine.recalled(sitting.shift)
        elif key == Keys.ControlT:
            sitting.take(machine.announced(sitting.shift))
        elif key == Keys.ControlL:
            self._app.renderer.clear()
        elif sitting.shift.caller is not None:
            self._pin_key(key, event.data)
        elif key in _CHOOSING:
            sitting.shift = machine.moved(sitting.shift, _CHOOSING[Keys(key)])
        else:
            self._line_key(key, event)
        self._follow()

    def _enter(self) -> None:
        move = machine.entered(self._sitting.shift)
        self._checking = isinstance(move[1], Check)
        try:
            self._sitting.take(move)
            if self._checking:
                # Digits typed meanwhile must not turn up as the next caller's name, nor an
                # impatient Esc take the verdict away.
                self._keyboard.forget()
                self._app.key_processor.empty_queue()
        finally:
            self._checking = False

    def _pin_key(self, key: str, data: str) -> None:
        shift = self._sitting.shift
        if key in (Keys.ControlH, Keys.ControlU, Keys.ControlW):
            shift = machine.erased(shift, all_of_it=key != Keys.ControlH)
        elif key == Keys.BracketedPaste or not isinstance(key, Keys):
            shift = machine.typed(shift, data)
        self._sitting.shift = shift

    def _line_key(self, key: str, event: KeyPressEvent) -> None:
        if key == Keys.BracketedPaste:
            self._line.insert_text(machine.pasted(event.data))
        elif not isinstance(key, Keys):
            self._line.insert_text("".join(filter(is_printable, event.data)))
        elif key in _EDITING:
            get_by_name(_EDITING[key]).call(event)
        self._sitting.take(machine.edited(self._sitting.shift, self._line.text))

    def _follow(self) -> None:
        """Set the line and the cursor to what the shift has now."""
        shift = self._sitting.shift
        if self._line.text != shift.line:
            self._line.reset(Document(shift.line))
        self._app.layout.focus(self._line if shift.caller is None else self._marks)
        self._app.invalidate()

    def _warn(self) -> None:
        self._sitting.note_warning()
        self._follow()

    # Signals, and what else ends or stops us

    def _handlers(self) -> Mapping[signal.Signals, Handler]:
        return {
            # What comes while a PIN is compared must not take the verdict away.
            signal.SIGINT: lambda *_: None if self._checking else self._soon(self._cancel),
            signal.SIGTSTP: lambda *_: self._soon(self._stop),
            signal.SIGCONT: lambda *_: None if self._stopping else self._soon(self._take_again),
            **dict.fromkeys(_ENDING, self._give_back_and_end),
        }

    def _soon(self, what: Callable[[], object]) -> None:
        loop = self._app.loop
        if loop is not None:
            loop.call_soon_threadsafe(what)

    def _cancel(self) -> None:
        self._sitting.shift = machine.cancelled(self._sitting.shift)
        self._follow()

    def _stop(self) -> None:
        """Stop, as Ctrl-Z does, with the terminal given back; the digits typed are forgotten."""
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
            return
        self._sitting.shift = machine.erased(self._sitting.shift, all_of_it=True)

        def stop() -> None:
            termios.tcsetattr(self._keyboard.fileno(), termios.TCSAFLUSH, self._before)
            handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            self._stopping = True
            # All of the job, as the terminal would: sudo may stand between the shell and us.
            os.kill(0, signal.SIGTSTP)
            self._stopping = False
            signal.signal(signal.SIGTSTP, handler)
            self._keyboard.forget()

        run_in_terminal(stop)

    def _take_again(self) -> None:
        """Set the terminal up again: the process that used it may have changed it."""
        self._keyboard.raw_mode().__enter__()
        self._keyboard.forget()
        self._app.renderer.clear()
        self._follow()

    def _give_back_and_end(self, number: int, _frame: FrameType | None) -> None:
        """A terminal that is gone ends the shift with 130, however that is noticed."""
        with suppress(OSError, termios.error):
            os.write(sys.stdout.fileno(), _GIVE_BACK)
            termios.tcsetattr(self._keyboard.fileno(), termios.TCSAFLUSH, self._before)
            self._sitting.close()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def _require_terminal(self) -> None:
        try:
            termios.tcgetattr(self._keyboard.fileno())
        except termios.error:
            raise Interrupted from None

    def _safely(self, what: Callable[[], None]) -> None:
        """Do something for prompt_toolkit, which would print errors on the screen."""
        try:
            what()
        except Exception as error:
            self._end(error)

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._end(context.get("exception") or RuntimeError(context["message"]))

    def _end(self, error: BaseException) -> None:
        if not self._app.is_done:
            self._app.exit(exception=error)

    # What is seen

    def _layout(self) -> Layout:
        asked = Condition(lambda: self._sitting.shift.caller is not None)
        line = Window(
            BufferControl(
                self._line, input_processors=[_Masked("bold" if self._display.color else "")]
            ),
            height=1,
        )
        entry = [
            Window(FormattedTextControl(self._label), height=1, width=8),
            ConditionalContainer(line, ~asked),
            ConditionalContainer(self._marks, asked),
            Window(FormattedTextControl(self._ticket), height=1, dont_extend_width=True),
            Window(width=self._margin),
        ]
        roomy = Condition(lambda: self._rows >= view.ROOMY)
        framed = Condition(lambda: self._rows > view.ROOMY // 2)
        blank = ConditionalContainer(Window(height=1), roomy)
        people = FormattedTextControl(self._people, get_cursor_position=self._chosen)
        rows = [
            ConditionalContainer(Window(FormattedTextControl(self._head), height=2), framed),
            blank,
            VSplit(entry),
            blank,
            Window(FormattedTextControl(self._said), dont_extend_height=True),
            Window(people, dont_extend_height=True),
            Window(),
            blank,
            ConditionalContainer(Window(FormattedTextControl(self._foot), height=1), framed),
        ]
        return Layout(HSplit(rows), focused_element=self._line)

    @property
    def _rows(self) -> int:
        return self._app.output.get_size().rows

    @property
    def _width(self) -> int:
        # The last column stays free: some terminals wrap as soon as it is written.
        return max(1, min(self._app.output.get_size().columns - 1, view.WIDEST))

    def _styled(self, parts: Sequence[view.Part]) -> StyleAndTextTuples:
        return [(style if self._display.color else "", text) for style, text in parts]

    def _head(self) -> StyleAndTextTuples:
        return self._styled(view.head(self._sitting.shift.tally, self._display, self._width))

    def _foot(self) -> StyleAndTextTuples:
        return self._styled(view.foot(picture.keys(self._sitting.shift), self._width))

    def _margin(self) -> int:
        return self._app.output.get_size().columns - self._width

    def _ticket(self) -> StyleAndTextTuples:
        ticket = picture.ticket(self._sitting.shift, self._sitting.work.ticket_pattern)
        return self._styled([("bold", ticket)])

    def _label(self) -> str:
        return " caller" if self._sitting.shift.caller is None else " PIN"

    def _pin(self) -> StyleAndTextTuples:
        marks = view.marks(len(self._sitting.shift.pin), self._display)
        return self._styled([("bold", marks)])

    def _mark(self) -> Point:
        return Point(2 * min(len(self._sitting.shift.pin), PIN_LENGTH), 0)

    def _said(self) -> ANSI:
        blocks = picture.said(self._sitting.shift, roomy=self._rows >= view.ROOMY)
        return ANSI("\n".join(view.body(blocks, self._display, self._width, self._rows)))

    def _people(self) -> ANSI:
        said = self._sitting.shift.said
        if not isinstance(said, Listing):
            return ANSI("")
        rows = view.people(said.found, self._width)
        return ANSI("\n".join(view.menu(rows, said.chosen, self._display, self._width)))

    def _chosen(self) -> Point:
        said = self._sitting.shift.said
        return Point(0, said.chosen if isinstance(said, Listing) else 0)


class _Masked(Processor):
    """A PIN that is typed instead of a name is not shown either."""

    def __init__(self, style: str) -> None:
        self._style = style

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """The line, of the same length."""
        return Transformation([(self._style, picture.masked(transformation_input.document.text))])
