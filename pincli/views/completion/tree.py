"""What there is to complete: commands, their options and arguments, and what those take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

NAMES_COMMAND = "complete-names"
"""The hidden command that the scripts ask for the names in the store."""

NAME_CHARACTERS = "a-z0-9._@+-"
"""Inside brackets, what a name consists of. A line with anything else is not offered: the
program may be another one of that name, and what is offered is a keystroke from being run."""

_WORD = re.compile(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*")
_LABEL = re.compile(r"[a-z]+([ -][a-z]+)*")


class Kind(StrEnum):
    """What may come at one place of the command line."""

    TEXT = "text"
    """Something that only the person knows."""
    WORDS = "words"
    """One of a few fixed words."""
    FILES = "files"
    FOLDERS = "folders"
    USERS = "users"
    ACCOUNTS = "accounts"


class Value(NamedTuple):
    """What an option or an argument takes.

    Attributes:
        label: What a person calls it, in lower case.
        words: For Kind.WORDS, which.
    """

    kind: Kind
    label: str
    words: tuple[str, ...] = ()


class Option(NamedTuple):
    """An option.

    Attributes:
        names: With their dashes.
        value: What follows it; None for a flag.
    """

    names: tuple[str, ...]
    help: str
    value: Value | None = None


class Argument(NamedTuple):
    """A word that a command takes.

    Attributes:
        repeats: Whether any number of further ones may follow.
    """

    value: Value
    repeats: bool = False


class Command(NamedTuple):
    """A command, or a group of them.

    Attributes:
        path: What is typed after `pincli`; nothing for pincli itself.
        commands: Of a group; empty for a command that does something.
    """

    path: tuple[str, ...]
    help: str
    options: tuple[Option, ...] = ()
    arguments: tuple[Argument, ...] = ()
    commands: tuple[Command, ...] = ()

    @property
    def name(self) -> str:
        """The last word of the path."""
        return self.path[-1]

    @property
    def spoken(self) -> str:
        """The path as it is typed."""
        return " ".join(self.path)


def walk(command: Command) -> Iterator[Command]:
    """The command and everything below it, in the order of the help."""
    yield command
    for below in command.commands:
        yield from walk(below)


def taking_names(command: Command) -> tuple[str, ...]:
    """The names of the command's options that take a value."""
    return tuple(name for option in command.options if option.value for name in option.names)


def require_plain(root: Command) -> None:
    """Raise ValueError for anything that a script could not hold as it is.

    Names, words and labels stand unquoted in the scripts; help texts are quoted, and only
    have to be one line.
    """
    for command in walk(root):
        values = [option.value for option in command.options if option.value is not None]
        values += [argument.value for argument in command.arguments]
        words = [*command.path]
        words += [name.lstrip("-") for option in command.options for name in option.names]
        words += [word for value in values for word in value.words]
        for word in words:
            _require(_WORD.fullmatch(word) is not None, word)
        for value in values:
            _require(_LABEL.fullmatch(value.label) is not None, value.label)
        for text in (command.help, *(option.help for option in command.options)):
            _require(text.isprintable(), text)


def _require(fits: bool, text: str) -> None:
    if not fits:
        raise ValueError(f"not fit for a completion script: {text!r}")
