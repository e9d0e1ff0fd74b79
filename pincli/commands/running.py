"""What every command does at its beginning and its end: open the session, deliver the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import typer

from pincli.config import Config, read_display
from pincli.errors import OutputUnavailable
from pincli.operations.session import Need, Session, open_session
from pincli.store.transaction import Origin
from pincli.vault.verifiers import Verifiers
from pincli.views import plain, programs
from pincli.views.blocks import Answer, Block, Problem
from pincli.views.sanitiser import shown


def new_app(*, group: bool = False) -> typer.Typer:
    """A Typer app for one command or one group of commands, set up like the front door."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        subcommand_metavar="COMMAND" if group else None,
    )


def config_of(ctx: typer.Context) -> Config:
    """The configuration that the front door read."""
    config = ctx.find_root().obj
    if not isinstance(config, Config):
        raise TypeError("a command was run without the front door")
    return config


def origin_of(ctx: typer.Context) -> Origin:
    """Who acts, and by which command."""
    return Origin(config_of(ctx).agent, command_of(ctx))


def command_of(ctx: typer.Context) -> str:
    """The command's name as in the help, such as `pin show`."""
    return ctx.command_path.partition(" ")[2]


@contextmanager
def opened(
    ctx: typer.Context, *needs: Need, verifiers: Verifiers | None = None
) -> Iterator[Session]:
    """The session for a command, with what it needs checked before it does anything."""
    config = config_of(ctx)
    with open_session(
        config.store,
        config.keys,
        origin=origin_of(ctx),
        needs=frozenset(needs),
        verifiers=verifiers,
    ) as session:
        yield session


def deliver(ctx: typer.Context, answer: Answer, *, as_json: bool) -> None:
    """Write the answer to stdout, and end with its exit code.

    Raises:
        OutputUnavailable: It can't be written.
        typer.Exit: The answer's exit code is not 0.
    """
    if sys.stdout is None:
        raise OutputUnavailable(closed_by_reader=False)
    try:
        if as_json:
            result = programs.envelope(command_of(ctx), answer.facts, answer.problem)
            programs.write(result, sys.stdout)
        elif answer.complaints is not None and answer.problem is not None:
            complain(answer.problem, answer.complaints())
        else:
            show(answer.screen(), sys.stdout)
        sys.stdout.flush()
    except OSError as error:
        raise OutputUnavailable(closed_by_reader=isinstance(error, BrokenPipeError)) from None
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


def complain(problem: Problem, details: Sequence[str] = ()) -> None:
    """Tell a problem on stderr: details, then the sentence and the hint."""
    if sys.stderr is None:
        return
    unicode = read_display().unicode
    sentences = (f"pincli: error: {problem.message}", f"hint: {problem.hint}")
    for line in (*details, *sentences):
        print(shown(line, unicode=unicode), file=sys.stderr)


def show(blocks: Sequence[Block], stream: TextIO) -> None:
    """Draw blocks by Rich on a terminal, as plain lines elsewhere."""
    display = read_display()
    if stream.isatty():
        from pincli.views.terminal import draw

        draw(blocks, display, stream)
    else:
        for line in plain.lines(blocks, display):
            stream.write(line + "\n")
