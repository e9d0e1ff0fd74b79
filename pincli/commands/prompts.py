"""Asking a person: questions on stderr, answers from the terminal, PINs unseen.

Neither getpass nor Typer's prompt: both go on with an echo where there is no terminal.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

from pincli.config import read_display
from pincli.errors import Interrupted, MalformedPin, Refused, Rule, UsageProblem
from pincli.rules.pins import require_well_formed, ungrouped
from pincli.views.sanitiser import shown

_LONGEST_LINE = 1024
_LOOK_UP = 0.2
_YES = frozenset({"y", "yes"})
_LOCAL_MODES = 3

Handler = Callable[[int, FrameType | None], None]


def require_terminal(message: str, hint: str, *, output: str = "stderr") -> None:
    """Raise UsageProblem unless there is somebody to ask: a terminal for stdin and an output.

    Args:
        message: What is wrong if there is none.
        hint: What to do instead.
        output: Where the questions go, `stdout` or `stderr`.
    """
    for stream in (sys.stdin, getattr(sys, output)):
        if not stream.isatty():
            raise UsageProblem(message, hint)


def require_pin_source(*, pin_stdin: bool) -> None:
    """Raise UsageProblem if a PIN can come neither from a prompt nor from stdin."""
    if not pin_stdin:
        require_terminal(
            "there is no terminal to ask for the PIN on",
            "pipe the PIN in with --pin-stdin",
        )


def read_pin_line() -> str:
    """A PIN as one line from stdin, ungrouped; the rest of stdin is left for others.

    Raises:
        UsageProblem: There is no line, or stdin can't be read.
    """
    try:
        line = _read_line()
    except OSError:
        raise UsageProblem("standard input can't be read", "pipe the PIN into it") from None
    if not line:
        raise UsageProblem("standard input was empty", "write the PIN and a newline to it")
    return ungrouped(_text(line))


def ask_pin(question: str, *, of_caller: bool = False) -> str:
    """A PIN that is six digits: a slip is asked again, and never counted.

    Args:
        question: What is asked.
        of_caller: Whether it is an answer that is going to be compared.

    Raises:
        Interrupted: Ctrl-D, or the terminal is gone.
    """
    while True:
        answer = ungrouped(ask_hidden(question))
        try:
            require_well_formed(answer)
        except MalformedPin:
            _say(f"Six digits, please.{' That was a slip, not an attempt.' * of_caller}\n")
        else:
            return answer


def ask_hidden(question: str) -> str:
    """One line typed without echo.

    Raises:
        Interrupted: Ctrl-D, or the terminal is gone.
    """
    with _asking(question, hidden=True):
        try:
            line = _read_line()
        finally:
            _say("\n")
    return _answer(line)


def ask_line(question: str) -> str:
    """One line typed with echo.

    Raises:
        Interrupted: Ctrl-D, or the terminal is gone.
    """
    with _asking(question, hidden=False):
        line = _read_line()
        if not line.endswith(b"\n"):
            _say("\n")
    return _answer(line).strip()


def confirm(question: str) -> None:
    """Go on only after a clear yes.

    Raises:
        Refused: Anything else was answered.
        Interrupted: Ctrl-D, or the terminal is gone.
    """
    if ask_line(f"{question} [y/N] ").casefold() not in _YES:
        raise Refused(Rule.DECLINED)


def confirm_word(word: str) -> None:
    """Go on only after a word was typed that shows what is meant, or a yes if there is none.

    Raises:
        Refused: Anything else was answered.
        Interrupted: Ctrl-D, or the terminal is gone.
    """
    if not word:
        confirm("Go on?")
    elif ask_line(f"Type {word} to go on: ") != word:
        raise Refused(Rule.DECLINED)


def _answer(line: bytes) -> str:
    if not line:
        raise Interrupted
    return _text(line)


def _text(line: bytes) -> str:
    if len(line) > _LONGEST_LINE:
        return ""  # no PIN, no reason; reported once its turn comes
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    return line.decode("utf-8", "surrogateescape")


def _read_line() -> bytes:
    """Up to and with the first newline, byte by byte: what follows is not ours to take."""
    source = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    line = bytearray()
    while len(line) <= _LONGEST_LINE and not line.endswith(b"\n"):
        if not line and sys.stdin.isatty():
            _wait_for_typing(sys.stdin.fileno())
        byte = source.read(1)
        if not byte:
            break
        line += byte
    return bytes(line)


def _wait_for_typing(terminal: int) -> None:
    """Return once there is something to read.

    In short waits: a Ctrl-C that comes just before a call blocks would otherwise only be
    seen at the next key.
    """
    while not select.select([terminal], [], [], _LOOK_UP)[0]:
        pass


def _say(text: str) -> None:
    """Write to stderr past Python's stream, which a signal's handler may not enter again.

    Raises:
        Interrupted: It can't be written: the terminal is gone.
    """
    unicode = read_display().unicode
    end = "\n" if text.endswith("\n") else ""
    rest = (shown(text.removesuffix("\n"), unicode=unicode) + end).encode("utf-8", "replace")
    try:
        while rest:
            rest = rest[os.write(sys.stderr.fileno(), rest) :]
    except OSError:
        raise Interrupted from None


@contextmanager
def _asking(question: str, *, hidden: bool) -> Iterator[None]:
    """Ask, and give the terminal back as it was, whatever ends or stops us meanwhile.

    For a hidden answer the echo is off, and what was typed ahead is thrown away: it was
    echoed. After Ctrl-Z and `fg`, or a SIGCONT from elsewhere, a shell may have turned the
    echo on again: it is turned off again, and the question is asked again. A signal that ends
    the process gives the terminal back first.

    Raises:
        Interrupted: The terminal is gone.
    """
    terminal = sys.stdin.fileno()
    sys.stderr.flush()

    # None of these raises, or it could part a clean-up: that the terminal is gone is for
    # the next read from it to find.
    def ask_again(_signal: int, _frame: FrameType | None) -> None:
        with suppress(Interrupted, termios.error):
            termios.tcsetattr(terminal, termios.TCSAFLUSH, wanted)
            _say(question)

    def restore_and_stop(_signal: int, _frame: FrameType | None) -> None:
        # Not every shell puts the echo back itself.
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)

    def restore_and_end(number: int, _frame: FrameType | None) -> None:
        with suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    handlers = {
        signal.SIGCONT: ask_again,
        signal.SIGTSTP: restore_and_stop,
        signal.SIGTERM: restore_and_end,
        signal.SIGHUP: restore_and_end,
    }
    try:
        before = termios.tcgetattr(terminal)
        wanted = list(before)
        if hidden:
            wanted[_LOCAL_MODES] &= ~(termios.ECHO | termios.ECHONL)
        with handling(handlers):
            try:
                if hidden:
                    termios.tcsetattr(terminal, termios.TCSAFLUSH, wanted)
                _say(question)
                yield
            finally:
                # A SIGCONT from here on must not switch the echo off again.
                signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
                if hidden:
                    termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    except (OSError, termios.error):
        raise Interrupted from None


@contextmanager
def handling(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Have these signals handled inside, except those that the parent process ignores."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    previous = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
