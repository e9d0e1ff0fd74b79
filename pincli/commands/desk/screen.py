"""The desk as a full screen, by prompt_toolkit: on the alternate screen, without scroll-back."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import DummyClipboard
from prompt_toolkit.document import Document
from prompt_toolkit.history import DummyHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.named_commands import get_by_name
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, create_output

from pincli.commands.desk import transitions
from pincli.commands.desk.controller import Controller
from pincli.commands.desk.keyboard import ESCAPE_SECONDS, Keyboard
from pincli.commands.desk.layout import DeskLayout
from pincli.commands.desk.state import Check
from pincli.commands.interrupts import Handler, handling
from pincli.config import Display
from pincli.errors import Interrupted
from pincli.rules.texts import is_printable

_RESTORE = b"\x1b[0m\x1b[H\x1b[J\x1b[?7h\x1b[?25h\x1b[?2004l\x1b[?1049l"
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
"""The keys that edit the line; prompt_toolkit's others, such as macros, keep what was typed."""


class Screen:
    """One shift at one terminal, which is standard input and output."""

    def __init__(self, controller: Controller, display: Display) -> None:
        self._controller = controller
        self._checking = self._stopping = False
        self._keyboard = Keyboard()
        self._before = termios.tcgetattr(self._keyboard.fileno())
        # Neither keeps what was typed: it may be a PIN, in the wrong place.
        self._line = Buffer(history=DummyHistory(), multiline=False)
        self._app: Application[None] = Application(
            DeskLayout(controller, display, self._line).whole,
            full_screen=True,
            erase_when_done=True,
            clipboard=DummyClipboard(),
            color_depth=None if display.color else ColorDepth.DEPTH_1_BIT,
            key_bindings=self._bindings(),
            input=self._keyboard,
            # Python's own stream would keep what could not be written to a lost terminal.
            output=create_output(open(sys.stdout.fileno(), "w", closefd=False)),  # noqa: SIM115
            terminal_size_polling_interval=None,
        )
        self._app.ttimeoutlen = ESCAPE_SECONDS
        self._app.after_render += lambda _: self._safely(self._controller.after_showing)

    def run(self) -> None:
        """Run until the agent ends the shift; restore the terminal in any case.

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
        """Show a new warning; for other threads."""
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
            await asyncio.sleep(self._controller.clear_if_idle())
            self._update()

    # Keys

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()

        @bindings.add(Keys.Any, eager=True)
        def _(event: KeyPressEvent) -> None:
            self._safely(lambda: self._pressed(event))

        return bindings

    def _pressed(self, event: KeyPressEvent) -> None:
        controller, key = self._controller, event.key_sequence[0].key
        controller.key_pressed()
        self._update()
        if key in _ENTER:
            self._enter()
        elif key in _CANCEL:
            controller.shift = transitions.cancel(controller.shift)
        elif key == Keys.ControlD:
            self._app.exit()
        elif key == Keys.ControlZ:
            self._stop()
        elif key == Keys.ControlR:
            controller.shift = transitions.list_calls(controller.shift)
        elif key == Keys.ControlT:
            controller.apply(transitions.announce_call(controller.shift))
        elif key == Keys.ControlL:
            self._app.renderer.clear()
        elif controller.shift.caller is not None:
            self._pin_key(key, event.data)
        elif key in _CHOOSING:
            controller.shift = transitions.choose(controller.shift, _CHOOSING[Keys(key)])
        else:
            self._line_key(key, event)
        self._update()

    def _enter(self) -> None:
        transition = transitions.enter(self._controller.shift)
        self._checking = isinstance(transition[1], Check)
        try:
            self._controller.apply(transition)
            if self._checking:
                # Digits typed meanwhile must not turn up as the next caller's name, nor an
                # impatient Esc take the verdict away.
                self._keyboard.forget()
                self._app.key_processor.empty_queue()
        finally:
            self._checking = False

    def _pin_key(self, key: str, data: str) -> None:
        shift = self._controller.shift
        if key in (Keys.ControlH, Keys.ControlU, Keys.ControlW):
            shift = transitions.erase_pin(shift, whole=key != Keys.ControlH)
        elif key == Keys.BracketedPaste or not isinstance(key, Keys):
            shift = transitions.type_pin(shift, data)
        self._controller.shift = shift

    def _line_key(self, key: str, event: KeyPressEvent) -> None:
        if key == Keys.BracketedPaste:
            self._line.insert_text(transitions.pasted_line(event.data))
        elif not isinstance(key, Keys):
            self._line.insert_text("".join(filter(is_printable, event.data)))
        elif key in _EDITING:
            get_by_name(_EDITING[key]).call(event)
        self._controller.apply(transitions.edit_line(self._controller.shift, self._line.text))

    def _update(self) -> None:
        """Draw the shift as it is now."""
        shift = self._controller.shift
        if self._line.text != shift.line:
            self._line.reset(Document(shift.line))
        self._app.invalidate()

    def _warn(self) -> None:
        self._controller.take_warning()
        self._update()

    # Signals and errors

    def _handlers(self) -> Mapping[signal.Signals, Handler]:
        return {
            # A Ctrl-C while a PIN is compared must not take the verdict away.
            signal.SIGINT: lambda *_: None if self._checking else self._soon(self._cancel),
            signal.SIGTSTP: lambda *_: self._soon(self._stop),
            signal.SIGCONT: lambda *_: None if self._stopping else self._soon(self._continue),
            **dict.fromkeys(_ENDING, self._restore_and_end),
        }

    def _soon(self, what: Callable[[], object]) -> None:
        loop = self._app.loop
        if loop is not None:
            loop.call_soon_threadsafe(what)

    def _cancel(self) -> None:
        self._controller.shift = transitions.cancel(self._controller.shift)
        self._update()

    def _stop(self) -> None:
        """Stop as Ctrl-Z does: restore the terminal, and forget the digits typed."""
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
            return
        self._controller.shift = transitions.erase_pin(self._controller.shift, whole=True)

        def stop() -> None:
            termios.tcsetattr(self._keyboard.fileno(), termios.TCSAFLUSH, self._before)
            handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            self._stopping = True
            # The whole job, as the terminal would: sudo may be between the shell and us.
            os.kill(0, signal.SIGTSTP)
            self._stopping = False
            signal.signal(signal.SIGTSTP, handler)
            self._keyboard.forget()

        run_in_terminal(stop)

    def _continue(self) -> None:
        """Set the terminal up again, as another process may have changed it."""
        self._keyboard.raw_mode().__enter__()
        self._keyboard.forget()
        self._app.renderer.clear()
        self._update()

    def _restore_and_end(self, number: int, _frame: FrameType | None) -> None:
        """End by a signal; without a terminal, leave the end to `run`, with exit 130."""
        with suppress(OSError, termios.error):
            os.write(sys.stdout.fileno(), _RESTORE)
            termios.tcsetattr(self._keyboard.fileno(), termios.TCSAFLUSH, self._before)
            self._controller.close()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def _require_terminal(self) -> None:
        try:
            termios.tcgetattr(self._keyboard.fileno())
        except termios.error:
            raise Interrupted from None

    def _safely(self, what: Callable[[], None]) -> None:
        """Keep errors from prompt_toolkit, which would print them on the screen."""
        try:
            what()
        except Exception as error:
            self._end(error)

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._end(context.get("exception") or RuntimeError(context["message"]))

    def _end(self, error: BaseException) -> None:
        if not self._app.is_done:
            self._app.exit(exception=error)
