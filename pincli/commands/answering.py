"""How every command ends: the answer to stdout, or a problem to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from pincli.commands import interrupts
from pincli.commands.invocation import Invocation
from pincli.config import read_display
from pincli.errors import OutputUnavailable
from pincli.views.blocks import Answer, Block, Next, Note, Problem
from pincli.views.sanitiser import shown
from pincli.views.shell import in_account


def deliver(invocation: Invocation, answer: Answer) -> int:
    """Write the answer to stdout; its exit code.

    Raises:
        OutputUnavailable: It can't be written.
    """
    as_json = invocation.as_json
    if answer.complaints is not None and answer.problem is not None and not as_json:
        complain(answer.problem, answer.complaints())
    else:
        with writing():
            if as_json:
                from pincli.views import programs

                result = programs.envelope(invocation.command, answer.facts, answer.problem)
                programs.write(
                    result, sys.stdout, secret=answer.secret, whole=interrupts.ignore_from_here
                )
            elif answer.text is not None:
                sys.stdout.write(answer.text)
            else:
                if not answer.is_long:
                    interrupts.ignore_from_here()
                show([*_with_next_steps(invocation, answer.screen())], sys.stdout)
        interrupts.ignore_from_here()
    return int(answer.exit_code)


@contextmanager
def writing() -> Iterator[None]:
    """Write to stdout, all of it, before going on.

    Raises:
        OutputUnavailable: It can't be written.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        raise OutputUnavailable(closed_by_reader=isinstance(error, BrokenPipeError)) from None


def write_out(text: str) -> None:
    """Write a text of our own, and the newline after it, to stdout.

    Raises:
        OutputUnavailable: It can't be written.
    """
    with writing():
        sys.stdout.write(text + "\n")


def _with_next_steps(invocation: Invocation, blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, with next commands as this caller can run them, or else in words.

    Where roles are given out, no admin gets advice that only the portal may follow.
    """
    for block in blocks:
        if not isinstance(block, Next):
            yield block
        elif invocation.may_run(block.command):
            yield _where_named(invocation, _unambiguous(invocation, block))
        elif block.otherwise:
            yield Note(f"  next: {block.otherwise}")


def _unambiguous(invocation: Invocation, step: Next) -> Next:
    """The command with --account added, if users of several accounts have the login."""
    if step.user is None or not invocation.shares_login(step.user):
        return step
    return step._replace(command=in_account(step.command, step.user.account))


def _where_named(invocation: Invocation, step: Next) -> Next:
    """The command with the folders which this one named."""
    named = {"--store": invocation.store, "--keys": invocation.keys}
    if not any(named.values()):
        return step
    import shlex

    options = [word for name, path in named.items() if path for word in (name, str(path))]
    place = shlex.join(["pincli", *options])
    return step._replace(command=step.command.replace("pincli", place, 1))


def tell_of_locks(invocation: Invocation) -> None:
    """Run the deployment's hook for every lock that waits in the store.

    Called once the verdict is printed and no lock is held. A failure is reported and
    changes nothing; nor does Ctrl-C, by which an agent doesn't wait for it: the exit code
    stays that of the verdict, and the next run tells of what this one did not.
    """
    if not invocation.notices_wait:
        return
    from pincli.operations.hooks import tell_of_locks
    from pincli.operations.session import Need

    try:
        with invocation.opened(Need.ATTEMPT) as session, interrupts.let_in():
            for failure in tell_of_locks(session, invocation.on_lock):
                warn(hook_failed(failure))
    except KeyboardInterrupt:
        warn("the on_lock hook was interrupted")


def hook_failed(failure: str) -> str:
    """The sentence for a hook that did not do its work."""
    return f"the on_lock hook failed: {failure}"


def warn(message: str) -> None:
    """Tell on stderr what went wrong beside the command itself."""
    _tell([f"pincli: warning: {message}"])


def complain(problem: Problem, details: Sequence[str] = ()) -> None:
    """Tell a problem on stderr: details, then the sentence and the hint."""
    _tell([*details, f"pincli: error: {problem.message}", f"hint: {problem.hint}"])


def _tell(lines: Sequence[str]) -> None:
    """Lines to stderr; that nobody can read them changes neither the work nor the exit code."""
    unicode = read_display().unicode
    with suppress(OSError):
        for line in lines:
            print(shown(line, unicode=unicode), file=sys.stderr)
        sys.stderr.flush()


def show(blocks: Sequence[Block], stream: TextIO) -> None:
    """Draw blocks by Rich on a terminal, as plain lines elsewhere."""
    display = read_display()
    if stream.isatty():
        from pincli.views.terminal import draw

        draw(blocks, display, stream)
    else:
        from pincli.views import plain

        for line in plain.lines(blocks, display):
            stream.write(line + "\n")
