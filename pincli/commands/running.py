"""What every command does at its beginning and its end: open the session, deliver the answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

import typer

from pincli.commands import interrupts
from pincli.commands.plain import PlainCommand, PlainGroup
from pincli.config import Config, read_config, read_display
from pincli.errors import OutputUnavailable, Refused, Rule
from pincli.models import Origin
from pincli.operations.people import note_refusal
from pincli.operations.session import Need, Session, open_session
from pincli.vault.verifiers import Verifiers
from pincli.views.blocks import Answer, Block, Next, Note, Problem
from pincli.views.exit_codes import ExitCode
from pincli.views.sanitiser import shown

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LOCKS = "pincli.locks_recorded"


class CommandApp(typer.Typer):
    """A Typer app whose commands are of our class."""

    def command(
        self, *args: Any, exits: Iterable[ExitCode] = (), **kwargs: Any
    ) -> Callable[[_Function], _Function]:
        """Typer's own, told how the command can end beside what any command can.

        Args:
            args: Typer's.
            exits: The exit codes; the help, the man page and a test go by them.
            kwargs: Typer's.
        """
        told = type("ToldCommand", (PlainCommand,), {"exits": frozenset(exits)})
        return super().command(*args, cls=told, **kwargs)


def new_app(*, group: bool = False) -> CommandApp:
    """A Typer app for one command or one group of commands, set up like the front door."""
    return CommandApp(
        cls=PlainGroup,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        subcommand_metavar="COMMAND" if group else None,
    )


class Places(NamedTuple):
    """What --store and --keys say; the configuration is read when a command needs it."""

    store: Path | None
    keys: Path | None


def config_of(ctx: typer.Context) -> Config:
    """The configuration, read once."""
    root = ctx.find_root()
    if isinstance(root.obj, Places):
        root.obj = read_config(root.obj.store, root.obj.keys)
    if not isinstance(root.obj, Config):
        raise TypeError("a command was run without the front door")
    return root.obj


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
    """The session for a command: who may, and what it needs, checked before it does anything.

    Raises:
        Refused: The command is not among the caller's roles.
        Unavailable: The configuration, the store or a key can't be used.
    """
    require_role(ctx)
    with _session(ctx, frozenset(needs), verifiers) as session:
        try:
            yield session
        finally:
            ctx.find_root().meta.setdefault(_LOCKS, []).extend(session.store.locks_recorded)


def _session(
    ctx: typer.Context, needs: frozenset[Need], verifiers: Verifiers | None = None
) -> AbstractContextManager[Session]:
    config = config_of(ctx)
    return open_session(
        config.store, config.keys, origin=origin_of(ctx), needs=needs, verifiers=verifiers
    )


def tell_of_locks(ctx: typer.Context) -> None:
    """Run the deployment's hook for every lock that this command recorded.

    Called once the verdict is printed and no lock is held. A failure is reported and
    changes nothing; nor does Ctrl-C, by which an agent doesn't wait for it: the exit code
    stays that of the verdict.
    """
    locked = ctx.find_root().meta.pop(_LOCKS, [])
    command = config_of(ctx).on_lock if locked else ()
    if not command:
        return
    from pincli.operations.hooks import on_lock

    try:
        with interrupts.let_in():
            for user in locked:
                failure = on_lock(command, user)
                if failure is not None:
                    warn(hook_failed(failure))
    except KeyboardInterrupt:
        warn("the on_lock hook was interrupted")


def hook_failed(failure: str) -> str:
    """The sentence for a hook that did not do its work."""
    return f"the on_lock hook failed: {failure}"


def require_role(ctx: typer.Context) -> None:
    """Refuse, and record, a command that is not among the caller's roles."""
    config, command = config_of(ctx), command_of(ctx)
    if config.roles is None:
        return
    from pincli.rules.roles import may_run

    about_one_user = isinstance(ctx.params.get("user"), str)
    if may_run(config.roles, command, about_one_user=about_one_user):
        return
    with _session(ctx, frozenset({Need.WRITE})) as session:
        note_refusal(session, Rule.ROLE)
    raise Refused(Rule.ROLE, command)


def deliver(ctx: typer.Context, answer: Answer, *, as_json: bool) -> None:
    """Write the answer to stdout, and end with its exit code.

    Raises:
        OutputUnavailable: It can't be written.
        typer.Exit: The answer's exit code is not 0.
    """
    if answer.complaints is not None and answer.problem is not None and not as_json:
        complain(answer.problem, answer.complaints())
    else:
        with writing():
            if as_json:
                from pincli.views import programs

                result = programs.envelope(command_of(ctx), answer.facts, answer.problem)
                programs.write(
                    result, sys.stdout, secret=answer.secret, whole=interrupts.ignore_from_here
                )
            else:
                if not answer.is_long:
                    interrupts.ignore_from_here()
                show([*_with_next_steps(ctx, answer.screen())], sys.stdout)
        interrupts.ignore_from_here()
    if answer.exit_code:
        raise typer.Exit(answer.exit_code)


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


def _with_next_steps(ctx: typer.Context, blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, with next commands as this caller can run them, or else in words.

    Where roles are given out, an admin is not told to run what only the portal may.
    """
    for block in blocks:
        if not isinstance(block, Next):
            yield block
        elif _may_run(ctx, block.command):
            yield _where_named(ctx, block)
        elif block.otherwise:
            yield Note(f"  next: {block.otherwise}")


def _may_run(ctx: typer.Context, command: str) -> bool:
    roles = config_of(ctx).roles
    if roles is None:
        return True
    from pincli.rules.roles import may_run

    words = command.split()
    names = (words[1], " ".join(words[1:3]))
    return any(may_run(roles, name, about_one_user=True) for name in names)


def _where_named(ctx: typer.Context, step: Next) -> Next:
    """The command with the folders which this one named."""
    params = ctx.find_root().params
    named = [name for name in ("store", "keys") if params.get(name) is not None]
    if not named:
        return step
    import shlex

    options = [word for name in named for word in (f"--{name}", shlex.quote(str(params[name])))]
    place = " ".join(["pincli", *options])
    return step._replace(command=step.command.replace("pincli", place, 1))


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
