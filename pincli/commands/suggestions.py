"""What a mistyped command, option or value was probably meant to be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from pincli.commands.misplaced import owner_of
from pincli.errors import UsageProblem
from pincli.rules.names import mask_pins
from pincli.views.blocks import Problem

_BEFORE_THE_COMMAND = ("--store", "--keys")
_SHORTEST_BEGINNING = 2
_SHOWN_AT_MOST = 3
_NO_CHOICE = re.compile(r": '([^']*)' is not one of ")


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """The names that a word begins, else the one that it is most like; often none."""
    from difflib import get_close_matches

    # Without their dashes: any two options have those in common.
    word, bare = word.lower().lstrip("-"), {name.lstrip("-"): name for name in names}
    begun = [name for name in bare if len(word) >= _SHORTEST_BEGINNING and name.startswith(word)]
    near = begun[:_SHOWN_AT_MOST] or get_close_matches(word, bare, n=1)
    return [bare[name] for name in near]


def did_you_mean(commands: Sequence[str]) -> str:
    """The question, for what could be typed instead."""
    *others, last = [f"`{command}`" for command in commands]
    return f"did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def no_such_command(word: str, ctx: Any) -> UsageProblem:
    """The error for a word that is no command, with the near one in this group or elsewhere.

    Args:
        word: What was typed.
        ctx: The group's context.
    """
    group, path = ctx.command, ctx.command_path
    near = [f"{path} {name}" for name in nearest(word, _visible(group, ctx))]
    if not near:
        near = list(_elsewhere(word, ctx))[:_SHOWN_AT_MOST]
    hint = did_you_mean(near) if near else f"`{path} --help` lists the commands"
    return UsageProblem(f"no such command {mask_pins(word)!r}", hint)


def usage_problem(error: typer.TyperException, arguments: Sequence[str], command: str) -> Problem:
    """A usage error of Typer's in our form, with anything that may be a PIN masked.

    Args:
        error: Typer's.
        arguments: The whole command line.
        command: The command in it, as typed after `pincli`; empty for none.
    """
    option = getattr(error, "option_name", "")
    # Typer's own message for an unknown option names near ones in brackets.
    message = str(getattr(error, "message", "")) if option else error.format_message()
    message = message.replace("a valid int range", "a whole number")
    message = mask_pins(message[:1].lower() + message[1:].rstrip("."))
    hint = f"`{' '.join(['pincli', *command.split()])} --help` shows how"
    if option in ("--pin", "--PIN") or ("extra argument" in message and "*" in message):
        message = "a PIN is never given on the command line: it would stand in the process list"
        hint = "leave it out and type it when asked, or pipe it in with --pin-stdin"
    elif option and (owner := owner_of(option, arguments, getattr(error, "ctx", None))):
        message = f"no such option before the command: {option}"
        hint = f"{option} goes after it: {owner} {option}"
    elif option:
        hint = _option_hint(option, arguments, error) or hint
    elif found := _NO_CHOICE.search(message):
        hint = _choice_hint(found[1], error) or hint
    return Problem("usage", message, hint)


def _option_hint(option: str, arguments: Sequence[str], error: Any) -> str:
    ctx = error.ctx
    if ctx is None or "such option" not in error.message:
        return ""
    names = {name for param in ctx.command.get_params(ctx) for name in param.opts}
    own = {name for name in names if name.startswith("--")}
    for word in _as_typed(option, arguments):
        near = nearest(word, sorted({*own, *_BEFORE_THE_COMMAND}))
        if near and near[0] not in own:
            below = ctx.command_path.partition(" ")[2]
            return f"{near[0]} goes before the command: pincli {near[0]} DIR {below}"
        if near:
            return did_you_mean(near)
    return ""


def _as_typed(option: str, arguments: Sequence[str]) -> list[str]:
    """The option; for `-json`, which is read as -j -s -o -n, with its second dash."""
    if option.startswith("--"):
        return [option]
    return [f"-{word}" for word in arguments if re.match(r"-[^-]", word)]


def _choice_hint(value: str, error: Any) -> str:
    param = getattr(error, "param", None)
    choices = [str(choice) for choice in getattr(getattr(param, "type", None), "choices", ())]
    names = [name for name in getattr(param, "opts", ()) if name.startswith("-")]
    near = nearest(value, choices)
    return did_you_mean([" ".join([*names[:1], word]) for word in near]) if near else ""


def _visible(group: Any, ctx: Any) -> Iterator[str]:
    for name in group.list_commands(ctx):
        if not group.get_command(ctx, name).hidden:
            yield name


def _elsewhere(word: str, ctx: Any) -> Iterator[str]:
    """The commands of just that name in another place: `list` is `user list`."""
    root = ctx.find_root()
    front = root.command
    for name in front.list_commands(root):
        if name == word:
            yield f"pincli {name}"
            continue
        below = front.get_command(root, name)
        if isinstance(below, TyperGroup) and word in below.commands:
            yield f"pincli {name} {word}"
