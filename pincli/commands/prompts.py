"""Questions to a person: asked on stderr, answered at the terminal, PINs without echo.

Every question raises Interrupted at Ctrl-D, and if the terminal is gone. Neither getpass nor
Typer's prompt will do: without a terminal both go on with an echo.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from pincli.commands.interrupts import handling
from pincli.config import read_display
from pincli.errors import Interrupted, MalformedPin, Refused, Rule, UsageProblem
from pincli.rules.pins import require_well_formed, ungrouped
from pincli.rules.texts import clean_reason
from pincli.views.sanitiser import shown

_LONGEST_LINE = 1024
_LOOK_UP = 0.2
_YES = frozenset({"y", "yes"})
_LOCAL_MODES = 3


def require_terminal(message: str, hint: str, *, output: str = "stderr") -> None:
    """Raise UsageProblem unless stdin and an output are terminals.

    Args:
        message: What is wrong if they aren't.
        hint: What to do instead.
        output: Where the questions go, `stdout` or `stderr`.
    """
    for stream in (sys.stdin, getattr(sys, output)):
        if not stream.isatty():
            raise UsageProblem(message, hint)


def require_confirmable(*, yes: bool, hint: str = "give --yes") -> None:
    """Raise UsageProblem unless `--yes` is given or a person can be asked to confirm."""
    if not yes:
        require_terminal("there is no terminal to confirm on", hint)


def require_reason(reason: str | None, doing: str) -> None:
    """Raise UsageProblem unless a reason is given or a person can be asked for it.

    Args:
        reason: What `--reason` says.
        doing: What needs a reason, such as `locking`.
    """
    if reason is None:
        require_terminal(
            f"{doing} needs a reason", "give it with --reason; it is recorded in the audit trail"
        )


def ask_reason(doing: str) -> str:
    """A reason that may be recorded in the trail."""
    return clean_reason(ask_line(f"Reason for {doing}: "))


def piped_pin(*, pin_stdin: bool) -> str | None:
    """The PIN in the first line of stdin, ungrouped; None if it is to be asked for.

    The rest of stdin is not read. Raise UsageProblem if there is no line, or no terminal to ask on.
    """
    if not pin_stdin:
        require_terminal(
            "there is no terminal to ask for the PIN on", "pipe the PIN in with --pin-stdin"
        )
        return None
    try:
        line = _read_line()
    except OSError:
        raise UsageProblem("standard input can't be read", "pipe the PIN into it") from None
    if not line:
        raise UsageProblem("standard input was empty", "write the PIN and a newline to it")
    return ungrouped(_text(line))


def ask_pin(question: str, *, of_caller: bool = False) -> str:
    """A PIN of six digits; anything else is a slip, asked again and never counted.

    Args:
        question: What is asked.
        of_caller: Whether the answer will be compared.
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
    """One line typed without echo."""
    with _asking(question, hidden=True):
        line = _read_line()
        _say("\n")
    return _text(line)


def ask_line(question: str) -> str:
    """One line typed with echo."""
    with _asking(question, hidden=False):
        line = _read_line()
        if not line.endswith(b"\n"):
            _say("\n")
    return _text(line).strip()


def confirm(question: str) -> None:
    """Raise Refused unless the answer is a clear yes."""
    if ask_line(f"{question} [y/N] ").casefold() not in _YES:
        raise Refused(Rule.DECLINED)


def confirm_word(word: str) -> None:
    """Raise Refused unless the answer is this word, or a clear yes if the word is empty."""
    if not word:
        confirm("Go on?")
    elif ask_line(f"Type {word} to go on: ") != word:
        raise Refused(Rule.DECLINED)


def _text(line: bytes) -> str:
    if not line:
        raise Interrupted
    if len(line) > _LONGEST_LINE:
        return ""  # neither a PIN nor a reason; its own check reports it
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    return line.decode("utf-8", "surrogateescape")


def _read_line() -> bytes:
    """Up to and with the first newline, byte by byte: the rest may be for others."""
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

    It waits in short steps: a Ctrl-C just before a long one would only be seen at the next key.
    """
    while not select.select([terminal], [], [], _LOOK_UP)[0]:
        pass


def _say(text: str) -> None:
    """Write to stderr without Python's stream, which a signal handler may not enter again."""
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
    """Ask, and restore the terminal afterwards, also if a signal stops or ends the process.

    For a hidden answer the echo is off, and what was typed ahead is dropped, since it was
    echoed. After Ctrl-Z and `fg`, or a SIGCONT from another process, the shell may have turned
    the echo on: it is turned off, and the question is asked again.
    """
    import termios  # a PIN that is piped in doesn't need it

    terminal = sys.stdin.fileno()
    sys.stderr.flush()

    # No handler raises, or it could interrupt a clean-up. If the terminal is gone, the next
    # read finds out.
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
            except BaseException:
                # The error that follows gets a line of its own.
                with suppress(Interrupted):
                    _say("\n")
                raise
            finally:
                # A SIGCONT from here on must not switch the echo off again.
                signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
                if hidden:
                    termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    except (OSError, termios.error):
        raise Interrupted from None
