"""Hints for a mistyped command, option or value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import typer

from pincli.commands.command_tree import all_options, options
from pincli.commands.invocation import Invocation
from pincli.commands.registry import visible_names, words_below
from pincli.errors import UsageProblem
from pincli.rules.texts import mask_pins
from pincli.views.answer import Problem

_BEFORE_THE_COMMAND = ("--store", "--keys")
_SHORTEST_BEGINNING = 2
_SHOWN_AT_MOST = 3
_NOT = ("un", "de", "in")
_ONE_OR_THE_OTHER = re.compile(r"(un|de|in)?(?:lock|activ|collect|eligib)")
_NOT_A_CHOICE = re.compile(r": '([^']*)' is not one of (.*)")
_CHOICES_SHOWN = 200
"""Characters: a longer list of choices is left to the help."""


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """The names that begin with a word, or else the one most like it; often none.

    Never the opposite: `--lock` is not a slip for `--unlock`.
    """
    from difflib import get_close_matches

    # Without dashes, which all options have in common.
    word, bare = word.lower().lstrip("-"), {name.lstrip("-"): name for name in names}
    begun = [name for name in bare if len(word) >= _SHORTEST_BEGINNING and name.startswith(word)]
    near = begun[:_SHOWN_AT_MOST] or get_close_matches(word, bare, n=1)
    return [bare[name] for name in near if not _is_opposite(word, name)]


def _is_opposite(word: str, name: str) -> bool:
    found = _ONE_OR_THE_OTHER.match(name)
    return found is not None and bool(found[1]) != word.startswith(_NOT)


def did_you_mean(commands: Sequence[str]) -> str:
    """The hint that names one or several commands."""
    *others, last = [f"`{command}`" for command in commands]
    return f"did you mean {', '.join(others)}{' or ' if others else ''}{last}?"


def no_such_command(word: str, group: str, may_run: Callable[[str], bool]) -> UsageProblem:
    """The error for an unknown word after a group, with near commands that the caller may run."""
    path = f"pincli {group}".strip()
    near = [f"{path} {name}" for name in nearest(word, words_below(group, hidden=False))]
    # A command of that name in another group: `list` is `user list`.
    near = near or [f"pincli {name}" for name in visible_names() if name.split()[-1] == word]
    near = [command for command in near if may_run(command)][:_SHOWN_AT_MOST]
    hint = did_you_mean(near) if near else f"`{path} --help` lists the commands"
    return UsageProblem(f"no such command {mask_pins(word)!r}", hint)


def usage_problem(
    error: typer.TyperException, arguments: Sequence[str], invocation: Invocation
) -> Problem:
    """A usage error of Typer's in our form, with every possible PIN masked."""
    option = getattr(error, "option_name", "")
    # Typer's own message for an unknown option ends with near ones in brackets.
    message = str(getattr(error, "message", "")) if option else error.format_message()
    message = message.replace("a valid int range", "a whole number").replace("'[SHELL]'", "SHELL")
    message = mask_pins(message[:1].lower() + message[1:].rstrip("."))
    hint = f"`{f'pincli {invocation.command}'.strip()} --help` shows how"
    if option in ("--pin", "--PIN") or ("extra argument" in message and "*" in message):
        message = "a PIN is never given on the command line: every process could read it"
        hint = "leave it out and type it when asked, or pipe it in with --pin-stdin"
    elif option and (owner := _owner(option, error, arguments, invocation.program)):
        message = f"no such option before the command: {option}"
        hint = f"{option} goes after it: pincli {owner} {option}"
    elif option and "such option" in str(getattr(error, "message", "")):
        hint = _option_hint(option, arguments, invocation) or hint
    elif found := _NOT_A_CHOICE.search(message):
        hint = _choice_hint(found[1], error) or hint
        if len(found[2]) > _CHOICES_SHOWN:
            message = f"{message[: found.start(2)]}those it knows"
    return Problem("usage", message, hint)


def _owner(option: str, error: Any, arguments: Sequence[str], program: Any) -> str:
    """The later command that has an option which is unknown here: `pincli --json status`."""
    if getattr(error, "ctx", None) is None or option not in arguments:
        return ""
    before = name = error.ctx.command_path.partition(" ")[2]
    for word in arguments[arguments.index(option) + 1 :]:
        if word in words_below(name):
            name = f"{name} {word}".strip()
    return name if name != before and option in options(program, name.split()) else ""


def _option_hint(option: str, arguments: Sequence[str], invocation: Invocation) -> str:
    name = invocation.command
    command = f"pincli {name}".strip()
    own = {each for each in options(invocation.program, name.split()) if each.startswith("--")}
    for word in _as_typed(option, arguments):
        bare = word.partition("=")[0]
        if bare not in {*own, *_BEFORE_THE_COMMAND} and bare in all_options(invocation.program):
            return f"`{command}` has no {bare}; `{command} --help` shows what it has"
        near = nearest(word, sorted({*own, *_BEFORE_THE_COMMAND}))
        if near and near[0] not in own:
            return f"{near[0]} goes before the command: pincli {near[0]} DIR {name}"
        if near:
            return did_you_mean(near)
    return ""


def _as_typed(option: str, arguments: Sequence[str]) -> list[str]:
    """The option; for `-json`, which Typer reads as -j -s -o -n, with a second dash."""
    if option.startswith("--"):
        return [option]
    return [f"-{word}" for word in arguments if re.match(r"-[^-]", word)]


def _choice_hint(value: str, error: Any) -> str:
    param = getattr(error, "param", None)
    choices = [str(choice) for choice in getattr(getattr(param, "type", None), "choices", ())]
    names = [name for name in getattr(param, "opts", ()) if name.startswith("-")]
    near = nearest(value, choices)
    return did_you_mean([" ".join([*names[:1], word]) for word in near]) if near else ""
