"""`pincli completion`: the scripts that let a shell complete pincli's command lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pincli.commands.catalogue import commands
from pincli.commands.options import JsonOption, example
from pincli.commands.running import config_of, deliver, new_app, write_out
from pincli.config import Config
from pincli.errors import FileUnreadable, UsageProblem
from pincli.operations.places import require_elsewhere
from pincli.views.blocks import Answer, Fields, Headline, Tone
from pincli.views.completion import bash, fish, zsh
from pincli.views.completion.tree import Argument, Command, Kind, Option, Value
from pincli.views.exit_codes import ExitCode
from pincli.views.help.topics import TOPICS

app = new_app()

_NAMES_SOMEBODY_NEW = frozenset({"user add"})
"""The commands whose USER is not in the store yet."""


_BY_METAVAR = {
    "dir": Value(Kind.FOLDERS, "folder"),
    "file": Value(Kind.FILES, "file"),
    "user": Value(Kind.USERS, "user"),
    "account": Value(Kind.ACCOUNTS, "account"),
}
"""What the word in the help says about a value that may be any text."""


class Shell(StrEnum):
    """A shell that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


FILES = {Shell.BASH: "pincli.bash", Shell.ZSH: "_pincli", Shell.FISH: "pincli.fish"}
"""What each script is called in the folder `completions`."""


@app.command(
    epilog=example(
        "pincli completion fish > ~/.config/fish/completions/pincli.fish",
        "pincli completion --write completions",
    ),
    exits=(ExitCode.REFUSED,),
)
def completion(
    ctx: typer.Context,
    shell: Annotated[
        Shell | None,
        typer.Argument(metavar="[SHELL]", help="bash, zsh or fish.", show_default=False),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help="Write all three scripts into a folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print a shell's completion script."""
    if (shell is None) == (write is None):
        raise UsageProblem(
            "one shell is needed, or --write and a folder for all", "bash, zsh or fish"
        )
    root = tree(ctx.find_root().command)
    if write is not None:
        deliver(ctx, _written(root, write, config_of(ctx)), as_json=as_json)
    elif shell is not None and as_json:
        text = script(shell, root)
        deliver(ctx, Answer({"shell": shell.value, "script": text}), as_json=True)
    elif shell is not None:
        write_out(script(shell, root).removesuffix("\n"))


def script(shell: Shell, root: Command) -> str:
    """The script for a shell."""
    make = {Shell.BASH: bash.script, Shell.ZSH: zsh.script, Shell.FISH: fish.script}
    return make[shell](root)


def tree(front: Any) -> Command:
    """The program's commands, as the front door lists them; hidden ones left out.

    Args:
        front: The front door as a command, from typer.main.get_command.
    """
    return _command(front, (), None)


def _command(command: Any, path: tuple[str, ...], above: typer.Context | None) -> Command:
    name = path[-1] if path else "pincli"
    ctx = typer.Context(command, info_name=name, parent=above, **command.context_settings)
    parameters = [p for p in command.get_params(ctx) if not getattr(p, "hidden", False)]
    return Command(
        path,
        command.get_short_help_str(limit=200).rstrip("."),
        tuple(
            Option(_names(p), (p.help or "").rstrip("."), _option_value(p))
            for p in parameters
            if p.param_type_name == "option"
        ),
        tuple(
            Argument(_value(p, path), repeats=p.nargs == -1)
            for p in parameters
            if p.param_type_name == "argument"
        ),
        tuple(_below(command, path, ctx)),
    )


def _below(command: Any, path: tuple[str, ...], ctx: typer.Context) -> Iterator[Command]:
    if isinstance(command, TyperGroup):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if below is not None and not below.hidden:
                yield _command(below, (*path, name), ctx)


def _names(parameter: Any) -> tuple[str, ...]:
    """Short ones first; sorted, because Typer has the help's own from a set."""
    names = {*parameter.opts, *parameter.secondary_opts}
    return tuple(sorted(names, key=lambda name: (name.startswith("--"), name)))


def _option_value(parameter: Any) -> Value | None:
    return None if parameter.is_flag else _value(parameter, ())


def _value(parameter: Any, path: tuple[str, ...]) -> Value:
    """What a parameter takes, by its type and by the word for it in the help."""
    word = re.sub("[^a-z]+", " ", (parameter.metavar or parameter.opts[-1]).lower()).strip()
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return Value(Kind.WORDS, word, tuple(map(str, choices)))
    if word == "user" and " ".join(path) in _NAMES_SOMEBODY_NEW:
        return Value(Kind.TEXT, "new user")
    if word == "topic":
        return Value(Kind.WORDS, word, (*commands(), *TOPICS))
    return _BY_METAVAR.get(word) or Value(Kind.TEXT, word)


def _written(root: Command, folder: Path, config: Config) -> Answer:
    """Write each script where the shells, which run as other users, can read it.

    Under sudo it would write where somebody else says, through a link of theirs perhaps
    into the store.
    """
    if config.roles is not None:
        raise UsageProblem(
            "--write is not for use under sudo", "`pincli completion SHELL` prints a script"
        )
    require_elsewhere(folder, (config.store, config.keys))
    paths = [folder / name for name in FILES.values()]
    for shell, path in zip(FILES, paths, strict=True):
        try:
            path.write_text(script(shell, root), encoding="utf-8")
            path.chmod(0o644)
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None
    return Answer(
        {"files": [str(path) for path in paths]},
        lambda: [
            Headline(Tone.GOOD, "scripts written"),
            Fields([(shell.value, str(path)) for shell, path in zip(FILES, paths, strict=True)]),
        ],
    )
