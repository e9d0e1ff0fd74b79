"""What a command writes: its answer to stdout, all of it, and problems to stderr.

What can't be written to stdout raises OutputUnavailable.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from pincli.commands import interrupts
from pincli.commands.invocation import Invocation
from pincli.config import read_display
from pincli.errors import OutputUnavailable
from pincli.views.sanitiser import in_account, shown

if TYPE_CHECKING:
    from pincli.views.answer import Answer, Problem
    from pincli.views.blocks import Block, Next

TICKET_MASKED = "digits of the ticket were masked, as they could be a PIN"


def take_stdout() -> None:
    """Replace sys.stdout with a stream that writes everything or fails.

    Python's own stream loses what a non-blocking pipe has no room for if it is unbuffered.
    If it is buffered, it keeps the rest and tries again later.
    """
    before = sys.stdout
    whole = _WholeWrites(before.fileno())
    sys.stdout = io.TextIOWrapper(
        whole, before.encoding, before.errors, line_buffering=whole.isatty()
    )


class _WholeWrites(io.RawIOBase):
    """A descriptor; every write to it is whole, or raises OutputUnavailable."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise OutputUnavailable(closed_by_reader=isinstance(error, BrokenPipeError)) from None
        return len(memoryview(data))


def write_answer(invocation: Invocation, answer: Answer) -> int:
    """Write the answer to stdout; its exit code."""
    as_json = invocation.as_json
    if answer.complaints is not None and answer.problem is not None and not as_json:
        report_problem(answer.problem, answer.complaints())
    else:
        with writing():
            if as_json:
                from pincli.views import json_output

                result = json_output.envelope(invocation.command, answer.facts, answer.problem)
                json_output.write(
                    result, sys.stdout, secret=answer.secret, whole=interrupts.ignore_ctrl_c
                )
            elif answer.text is not None:
                sys.stdout.write(answer.text)
            else:
                if not answer.is_long:
                    interrupts.ignore_ctrl_c()
                show([*_with_next_steps(invocation, answer.screen())], sys.stdout)
        interrupts.ignore_ctrl_c()
    return int(answer.exit_code)


@contextmanager
def writing() -> Iterator[None]:
    """Flush what is written to stdout inside."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        raise OutputUnavailable(closed_by_reader=isinstance(error, BrokenPipeError)) from None


def show(blocks: Sequence[Block], stream: TextIO) -> None:
    """Draw blocks with Rich on a terminal, as plain lines elsewhere."""
    from pincli.views import text_output

    text_output.write(blocks, read_display(), stream)


def _with_next_steps(invocation: Invocation, blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, with next commands that this caller may run, or else advice in words."""
    from pincli.views.blocks import Next, Note

    for block in blocks:
        if not isinstance(block, Next):
            yield block
        elif invocation.may_run(block.command):
            yield block._replace(command=_runnable(invocation, block))
        elif block.otherwise:
            yield Note(f"  next: {block.otherwise}")


def _runnable(invocation: Invocation, step: Next) -> str:
    """The command with --account if several users have the login, and with --store and --keys."""
    command = step.command
    if step.user is not None and invocation.shares_login(step.user):
        command = in_account(command, step.user.account)
    named = {"--store": invocation.store, "--keys": invocation.keys}
    if not any(named.values()):
        return command
    import shlex

    options = [word for name, path in named.items() if path for word in (name, str(path))]
    return command.replace("pincli", shlex.join(["pincli", *options]), 1)


def run_hooks(invocation: Invocation) -> None:
    """Run the deployment's hook for every lock that waits in the store.

    It runs after the verdict is printed, and no lock is held. A failure or a Ctrl-C changes
    no exit code; the next run of pincli reports the locks that this one did not.
    """
    if not invocation.notices_wait:
        return
    from pincli.operations.hooks import tell_of_locks
    from pincli.operations.session import Need

    try:
        with invocation.opened(Need.ATTEMPT) as session, interrupts.allow_ctrl_c():
            for failure in tell_of_locks(session, invocation.on_lock):
                warn(hook_failed(failure))
    except KeyboardInterrupt:
        warn("the on_lock hook was interrupted")


def hook_failed(failure: str) -> str:
    """The sentence for a hook that failed."""
    return f"the on_lock hook failed: {failure}"


def warn(message: str) -> None:
    """Report on stderr what went wrong apart from the command itself."""
    _write_problem([f"pincli: warning: {message}"])


def report_problem(problem: Problem, details: Sequence[str] = ()) -> None:
    """Report a problem on stderr: details, then the sentence and the hint."""
    _write_problem([*details, f"pincli: error: {problem.message}", f"hint: {problem.hint}"])


def _write_problem(lines: Sequence[str]) -> None:
    """Write to stderr; if that fails, neither the work nor the exit code changes."""
    unicode = read_display().unicode
    with suppress(OSError):
        for line in lines:
            print(shown(line, unicode=unicode), file=sys.stderr)
        sys.stderr.flush()
