"""The root command: a command line in, an exit code out, and the one error boundary.

Annotations are not postponed here: Typer would compile each from its text.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pincli import __version__
from pincli.commands import interrupts
from pincli.commands.invocation import Invocation
from pincli.commands.output import (
    report_problem,
    run_hooks,
    take_stdout,
    warn,
    writing,
)
from pincli.commands.registry import name_in
from pincli.commands.typer_classes import CONTEXT_SETTINGS, PlainGroup
from pincli.errors import Interrupted, OutputUnavailable, PincliError
from pincli.store.location import location_of
from pincli.views.answer import Problem
from pincli.views.exit_codes import EXIT_OF, ExitCode

_LEAVES_A_CALLER_WAITING = frozenset(
    {"unavailable", "tampered", "rolled_back", "internal", "interrupted"}
)


class RootCommand(PlainGroup):
    """The root command: turns every error into an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C, which Typer would swallow, becomes our own error."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command line; the code is returned if `standalone_mode` is off.

        The parameters are Typer's. `obj` may be a Config, used instead of the configured one.
        """
        os.umask(0o077)
        arguments = list(sys.argv[1:] if args is None else args) or ["--help"]
        with interrupts.handle_ctrl_c():
            code = self._run(arguments, **extra)
        if not standalone_mode:
            return code
        sys.exit(code)

    def _run(self, arguments: list[str], obj: Any = None, **extra: Any) -> int:
        as_json = _wants_json(arguments)
        invocation = Invocation(self, _command_in(arguments), as_json=as_json, config=obj)
        try:
            code = super().main(arguments, "pincli", standalone_mode=False, obj=invocation, **extra)
            with writing():
                pass
        except OutputUnavailable as error:
            # A part of an answer may be on stdout already: no object may follow it.
            invocation.as_json = False
            # If the reader closed it, as in `pincli audit list | head`, nobody needs a message.
            code = _report(_describe(error), invocation, quiet=error.closed_by_reader)
        except typer.TyperException as error:
            from pincli.commands.suggestions import usage_problem

            code = _report(usage_problem(error, arguments, invocation), invocation)
        except (KeyboardInterrupt, typer.Abort):
            code = _report(_describe(Interrupted()), invocation)
        except Exception as error:
            code = _report(_describe(error), invocation)
        try:
            run_hooks(invocation)
        except Exception as error:
            warn(_describe(error).message)
        return int(code or 0)


app = typer.Typer(
    cls=RootCommand,
    name="pincli",
    add_completion=False,  # our own scripts: Typer's evaluate what the program prints
    rich_markup_mode=None,  # plain help takes half the time
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,  # locals hold the PIN
    context_settings=CONTEXT_SETTINGS,
    epilog="\b\nExample:\n  pincli verify alice\n  pincli status --locked",
)


def run() -> int:
    """Run pincli on the process's own arguments; the exit code."""
    take_stdout()
    command = typer.main.get_command(app)
    return int(command.main(standalone_mode=False))


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"pincli {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="LOCATION",
            help="Folder of the database, or a postgresql:// address (also PINCLI_STORE).",
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        # Typer would call a folder that may not be read wrong usage; it is unavailable.
        typer.Option(metavar="DIR", readable=False, help="Folder of the keys (also PINCLI_KEYS)."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Check a caller's six-digit support PIN. Six wrong answers lock it."""
    ctx.obj.store = None if store is None else location_of(store)
    ctx.obj.keys = keys


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether the answer is JSON. Typer can't say so: parsing may fail before it sees --json."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


def _describe(error: Exception) -> Problem:
    """The sentence for an error, expected or not."""
    from pincli.views.problems import describe, unforeseen

    return describe(error) if isinstance(error, PincliError) else unforeseen(error)


def _report(problem: Problem, invocation: Invocation, *, quiet: bool = False) -> ExitCode:
    """Report a problem, as JSON on stdout or as two lines on stderr; its exit code."""
    from pincli.views.problems import for_caller

    interrupts.ignore_ctrl_c()
    command, as_json = invocation.command, invocation.as_json
    problem = for_caller(problem, invocation.may_run, invocation.with_account)
    if command in ("verify", "desk") and problem.code in _LEAVES_A_CALLER_WAITING:
        problem = problem._replace(message=f"not verified: {problem.message}")
    code = EXIT_OF[problem.code]
    if command == "verify" and code is ExitCode.UNAVAILABLE:
        from pincli.views.verdict import tell

        problem = problem._replace(hint=f"{problem.hint}; {tell('unavailable')}")
    try:
        with writing():
            if as_json:
                from pincli.views import json_output

                json_output.write(json_output.envelope(command or None, {}, problem), sys.stdout)
    except OutputUnavailable as unwritable:
        code = ExitCode.UNAVAILABLE
        if as_json and not unwritable.closed_by_reader:
            report_problem(_describe(unwritable))
    if not as_json and not quiet:
        report_problem(problem)
    _drop_unwritable_output()
    return code


def _drop_unwritable_output() -> None:
    """Keep the interpreter from flushing again at its end, and complaining."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OutputUnavailable:
            pass  # dropped already
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _command_in(arguments: Sequence[str]) -> str:
    """The command's name as in the help; may be empty.

    Only known names count: another word may be a PIN.
    """
    words = iter(arguments)
    for word in words:
        if word in ("--store", "--keys"):
            next(words, None)
        elif not word.startswith("-"):
            return name_in([word, next(words, "")])
    return ""
