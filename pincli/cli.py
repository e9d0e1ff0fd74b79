"""The front door: the app, its commands by name, and the one error boundary.

A command's module is imported when the command is called, so that `verify` doesn't wait
for what only others need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from pincli import __version__
from pincli.commands import interrupts
from pincli.commands.options import example
from pincli.commands.output import take_stdout
from pincli.commands.plain import PlainGroup
from pincli.commands.running import (
    Places,
    complain,
    tell_of_locks,
    write_out,
    writing,
)
from pincli.config import Config
from pincli.errors import Interrupted, OutputUnavailable, PincliError
from pincli.views.blocks import Problem
from pincli.views.exit_codes import EXIT_OF, ExitCode

COMMANDS = {
    "verify": "verify",
    "desk": "desk.command",
    "status": "status",
    "alerts": "alerts",
    "pin": "pin",
    "unlock": "unlock",
    "user": "user",
    "import": "import_",
    "reset": "reset",
    "audit": "audit",
    "doctor": "doctor",
    "backup": "backup",
    "restore": "restore",
    "keys": "keys",
    "init": "init",
    "demo": "demo",
    "completion": "completion",
    "help": "help_",
    "complete-names": "complete_names",
}
"""Every command, in the order of the help, and its module in pincli.commands."""

HIDDEN = frozenset({"complete-names"})
"""What no person types."""

# Typer would call a folder that may not be read wrong usage; it is unavailable.
_FOLDER: dict[str, Any] = {"metavar": "DIR", "readable": False}

_LEAVES_A_CALLER_WAITING = frozenset({"unavailable", "internal", "interrupted"})


class Front(PlainGroup):
    """The root command: finds the commands, and lets no error past it as a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: D102
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: D102
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"pincli.commands.{COMMANDS[cmd_name]}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands by who uses them; none is imported for it."""
        from pincli.commands.help_pages import write_commands

        write_commands(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """An example, and every exit code."""
        from pincli.commands.help_pages import closing_words, write_epilog

        write_epilog(f"{self.epilog}\n\n{closing_words()}", formatter)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, with what Typer would swallow turned into our own errors."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        finally:
            tell_of_locks(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command line: the boundary at which every error becomes an exit code."""
        os.umask(0o077)
        arguments = list(sys.argv[1:] if args is None else args) or ["--help"]
        with interrupts.taken():
            code = self._run(arguments, **extra)
        if not standalone_mode:
            return code
        sys.exit(code)

    def _run(self, arguments: list[str], **extra: Any) -> int:
        as_json = _wants_json(arguments)
        try:
            code = super().main(arguments, "pincli", standalone_mode=False, **extra) or 0
            with writing():
                pass
        except PincliError as error:
            # After part of an answer nothing may follow it on stdout, least of all an object.
            lost = isinstance(error, OutputUnavailable)
            told = _describe(error)
            code = _report(told, arguments, as_json=as_json and not lost, quiet=_is_quiet(error))
        except typer.TyperException as error:
            code = _report(_usage(error, arguments), arguments, as_json=as_json)
        except (KeyboardInterrupt, typer.Abort):
            code = _report(_describe(Interrupted()), arguments, as_json=as_json)
        except Exception as error:
            code = _report(_describe(error), arguments, as_json=as_json)
        return int(code)


app = typer.Typer(
    cls=Front,
    name="pincli",
    add_completion=False,  # our own scripts: Typer's evaluate what the program prints
    rich_markup_mode=None,  # plain help takes half the time
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,  # locals hold the PIN
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("pincli verify alice", "pincli status --locked"),
)


def run() -> int:
    """Run pincli on the process's own arguments; the exit code."""
    take_stdout()
    command = typer.main.get_command(app)
    return int(command.main(standalone_mode=False))


def _show_version(value: bool) -> None:
    if value:
        write_out(f"pincli {__version__}")
        raise typer.Exit


@app.callback()
def front(
    ctx: typer.Context,
    store: Annotated[
        Path | None,
        typer.Option(**_FOLDER, help="Folder of the database (also PINCLI_STORE)."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(**_FOLDER, help="Folder of the keys (also PINCLI_KEYS)."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Check a caller's six-digit support PIN. Six wrong answers lock it."""
    if not isinstance(ctx.obj, Config):
        ctx.obj = Places(store, keys)


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether the answer is to be JSON, decided once: option parsing may fail before it is."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


def _describe(error: Exception) -> Problem:
    """The sentence for an error, foreseen or not."""
    from pincli.views.problems import describe, unforeseen

    return describe(error) if isinstance(error, PincliError) else unforeseen(error)


def _is_quiet(error: PincliError) -> bool:
    """Whether nobody is listening any more: `pincli audit list | head`."""
    return isinstance(error, OutputUnavailable) and error.closed_by_reader


def _report(
    problem: Problem, arguments: Sequence[str], *, as_json: bool, quiet: bool = False
) -> ExitCode:
    """Tell a problem, as JSON on stdout or as two lines on stderr; its exit code."""
    interrupts.ignore_from_here()
    command = _command_in(arguments)
    if command in ("verify", "desk") and problem.code in _LEAVES_A_CALLER_WAITING:
        problem = Problem(problem.code, f"not verified: {problem.message}", problem.hint)
    code = EXIT_OF[problem.code]
    try:
        with writing():
            if as_json:
                from pincli.views import programs

                programs.write(programs.envelope(command, {}, problem), sys.stdout)
    except OutputUnavailable as unwritable:
        code = ExitCode.UNAVAILABLE
        if as_json and not unwritable.closed_by_reader:
            complain(_describe(unwritable))
    if not as_json and not quiet:
        complain(problem)
    _drop_what_can_not_be_written()
    return code


def _drop_what_can_not_be_written() -> None:
    """Keep the interpreter from flushing again, and complaining, at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OutputUnavailable:
            pass  # dropped already
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _command_in(arguments: Sequence[str]) -> str | None:
    """The command's name as in the help, from the arguments; None if there is none."""
    words = iter(arguments)
    for word in words:
        if word in ("--store", "--keys"):
            next(words, None)
        elif not word.startswith("-"):
            if word not in COMMANDS:
                return None
            following = next(words, "")
            # Only one that there is: somebody may have typed a PIN there.
            return f"{word} {following}" if following in subcommands(word) else word
    return None


def subcommands(name: str) -> list[str]:
    """The commands of a group; none of what is no group."""
    module = import_module(f"pincli.commands.{COMMANDS[name]}")
    if not hasattr(module, "GROUP"):
        return []
    return [each.name or each.callback.__name__ for each in module.app.registered_commands]


def _usage(error: typer.TyperException, arguments: Sequence[str]) -> Problem:
    """The sentence for a usage error of Typer's."""
    from pincli.commands.suggestions import usage_problem

    return usage_problem(error, arguments, _command_in(arguments) or "")
