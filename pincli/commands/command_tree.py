"""The program's commands as plain values: pages for the manual, a tree for completion.

All of it is read from Typer's own commands, and nothing of Typer's goes on from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from pincli.commands.registry import entry_of, front_page
from pincli.views.completion.tree import Argument, Command, Kind, Option, Value
from pincli.views.help.page import Page
from pincli.views.help.topics import TOPICS

_AS_IT_IS = "\b\n"
_NAMES_SOMEBODY_NEW = frozenset({"user add"})
"""The commands whose USER is not in the store yet."""
_BY_METAVAR = {
    "dir": Value(Kind.FOLDERS, "folder"),
    "location": Value(Kind.FOLDERS, "location"),
    "file": Value(Kind.FILES, "file"),
    "user": Value(Kind.USERS, "user"),
    "account": Value(Kind.ACCOUNTS, "account"),
}
"""What the word in the help says about a value that may be any text."""


class _Place(NamedTuple):
    """A command or a group of Typer's, and the context that it is described in."""

    command: Any
    ctx: typer.Context

    @property
    def path(self) -> tuple[str, ...]:
        """What is typed after `pincli`."""
        return tuple(self.ctx.command_path.split()[1:])

    @property
    def parameters(self) -> list[Any]:
        """Its options and arguments, but for hidden ones."""
        found = self.command.get_params(self.ctx)
        return [each for each in found if not getattr(each, "hidden", False)]

    def below(self) -> Iterator[_Place]:
        """What the help lists of a group; nothing of a command."""
        if isinstance(self.command, TyperGroup):
            for name in self.command.list_commands(self.ctx):
                command = self.command.get_command(self.ctx, name)
                if command is not None and not command.hidden:
                    yield _place(command, name, self.ctx)

    def walk(self) -> Iterator[_Place]:
        """This and everything below it, in the order of the help."""
        yield self
        for each in self.below():
            yield from each.walk()


def pages(front: Any) -> list[Page]:
    """Every command that the help shows, pincli itself first, in the order of the help.

    Args:
        front: The front door as a command.
    """
    return [_page(place) for place in _place(front, "pincli", None).walk()]


def page(front: Any, words: Sequence[str]) -> tuple[Page, str] | None:
    """A command's page, and its help as a text; None if there is no such command to be shown."""
    place = _find(front, words)
    return place and (_page(place), place.ctx.get_help())


def columns(front: Any) -> int:
    """How wide a help text is."""
    return int(_place(front, "pincli", None).ctx.make_formatter().width)


def options(front: Any, words: Sequence[str]) -> set[str]:
    """The options of a command, with their dashes; none if there is no such command."""
    place = _find(front, words)
    return set() if place is None else {name for p in place.parameters for name in p.opts}


def all_options(front: Any) -> set[str]:
    """The options of all commands together."""
    walked = _place(front, "pincli", None).walk()
    return {name for place in walked for p in place.parameters for name in p.opts}


def tree(front: Any) -> Command:
    """The commands and what they take, for the completion scripts.

    Args:
        front: The front door as a command.
    """
    return _branch(_place(front, "pincli", None))


def _find(front: Any, words: Sequence[str]) -> _Place | None:
    place: _Place | None = _place(front, "pincli", None)
    for word in words:
        place = place and next((each for each in place.below() if each.path[-1] == word), None)
    return place


def _place(command: Any, name: str, above: typer.Context | None) -> _Place:
    ctx = typer.Context(command, info_name=name, parent=above, **command.context_settings)
    return _Place(command, ctx)


def _page(place: _Place) -> Page:
    command, ctx = place
    entry = entry_of(" ".join(place.path))
    described = _paragraphs(command.help)
    summary = described[0].partition(". ")[0]
    further = _paragraphs(command.epilog)
    records = [(p, p.get_help_record(ctx)) for p in place.parameters]
    told = [(p.param_type_name, (r[0], re.sub(r" {2,}", " ", r[1]))) for p, r in records if r]
    return Page(
        command=" ".join(place.path),
        usage=" ".join(command.collect_usage_pieces(ctx)),
        summary=f"{summary.rstrip('.')}.",
        audience=_audience(place.path),
        description=tuple(described),
        arguments=tuple(record for kind, record in told if kind == "argument"),
        options=tuple(record for kind, record in told if kind == "option"),
        examples=tuple(line for each in further if _is_verbatim(each) for line in _lines(each)),
        notes=tuple(each for each in further if not _is_verbatim(each)),
        exits=entry.exits if entry else (),
    )


def _audience(path: Sequence[str]) -> str:
    return next((who for who, words in front_page().items() if path and path[0] in words), "")


def _paragraphs(text: str | None) -> list[str]:
    """Paragraphs, each on one line but for those that are to stay as they are."""
    parts = re.split(r"\n{2,}", cleandoc(text or "").strip("\n"))
    return [part if _is_verbatim(part) else " ".join(part.split()) for part in parts if part]


def _is_verbatim(paragraph: str) -> bool:
    return paragraph.startswith(_AS_IT_IS)


def _lines(paragraph: str) -> list[str]:
    """The lines below the word Example."""
    return [line.strip() for line in paragraph.splitlines()[2:]]


def _branch(place: _Place) -> Command:
    parameters = place.parameters
    return Command(
        place.path,
        place.command.get_short_help_str(limit=200).rstrip("."),
        tuple(
            Option(_names(p), (p.help or "").rstrip("."), None if p.is_flag else _value(p, ()))
            for p in parameters
            if p.param_type_name == "option"
        ),
        tuple(
            Argument(_value(p, place.path), repeats=p.nargs == -1)
            for p in parameters
            if p.param_type_name == "argument"
        ),
        tuple(map(_branch, place.below())),
    )


def _names(parameter: Any) -> tuple[str, ...]:
    """Short ones first; sorted, because Typer has the help's own from a set."""
    names = {*parameter.opts, *parameter.secondary_opts}
    return tuple(sorted(names, key=lambda name: (name.startswith("--"), name)))


def _value(parameter: Any, path: Sequence[str]) -> Value:
    """What a parameter takes, by its type and by the word for it in the help."""
    word = re.sub("[^a-z]+", " ", (parameter.metavar or parameter.opts[-1]).lower()).strip()
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return Value(Kind.WORDS, word, tuple(map(str, choices)))
    if word == "user" and " ".join(path) in _NAMES_SOMEBODY_NEW:
        return Value(Kind.TEXT, "new user")
    if word == "topic":
        commands = [name for section in front_page().values() for name in section]
        return Value(Kind.WORDS, word, (*commands, *TOPICS))
    return _BY_METAVAR.get(word) or Value(Kind.TEXT, word)
