"""The tree of Typer's commands: pages for the manual, places for completion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from pincli.commands.registry import entry_of, front_page
from pincli.views.manual.page import Page

_VERBATIM = "\b\n"


class Place(NamedTuple):
    """A command or group of Typer's, with its context."""

    command: Any
    ctx: typer.Context

    @property
    def path(self) -> tuple[str, ...]:
        """What is typed after `pincli`."""
        return tuple(self.ctx.command_path.split()[1:])

    @property
    def parameters(self) -> list[Any]:
        """Its options and arguments, without hidden ones."""
        found = self.command.get_params(self.ctx)
        return [each for each in found if not getattr(each, "hidden", False)]

    @property
    def is_group(self) -> bool:
        """Whether another word of a command follows."""
        return isinstance(self.command, TyperGroup)

    def child(self, name: str) -> Place | None:
        """The command or group below it of that name, if the help shows it."""
        command = self.command.get_command(self.ctx, name) if self.is_group else None
        return None if command is None or command.hidden else _place(command, name, self.ctx)

    def below(self) -> Iterator[Place]:
        """What the help lists below a group; nothing for a command."""
        names = self.command.list_commands(self.ctx) if self.is_group else ()
        yield from filter(None, map(self.child, names))

    def walk(self) -> Iterator[Place]:
        """This place and everything below it, in the order of the help."""
        yield self
        for each in self.below():
            yield from each.walk()


def root(program: Any) -> Place:
    """The place where a command line begins.

    Args:
        program: The root command, as in all functions here.
    """
    return _place(program, "pincli", None)


def pages(program: Any) -> list[Page]:
    """Every command that the help shows, in its order, pincli itself first."""
    return [_page(place) for place in root(program).walk()]


def page(program: Any, words: Sequence[str]) -> tuple[Page, str] | None:
    """A command's page and its help as a text; None if the help shows no such command."""
    place = _find(program, words)
    return place and (_page(place), place.ctx.get_help())


def columns(program: Any) -> int:
    """The width of a help text."""
    return int(root(program).ctx.make_formatter().width)


def options(program: Any, words: Sequence[str]) -> set[str]:
    """The options of a command, with their dashes; empty if it is unknown."""
    place = _find(program, words)
    return set() if place is None else {name for p in place.parameters for name in p.opts}


def all_options(program: Any) -> set[str]:
    """The options of all commands."""
    walked = root(program).walk()
    return {name for place in walked for p in place.parameters for name in p.opts}


def _find(program: Any, words: Sequence[str]) -> Place | None:
    place: Place | None = root(program)
    for word in words:
        place = place and place.child(word)
    return place


def _place(command: Any, name: str, above: typer.Context | None) -> Place:
    ctx = typer.Context(command, info_name=name, parent=above, **command.context_settings)
    return Place(command, ctx)


def _page(place: Place) -> Page:
    command, ctx = place
    entry = entry_of(" ".join(place.path))
    described = _paragraphs(command.help)
    summary = described[0].partition(". ")[0]
    further = _paragraphs(command.epilog)
    records = [(p, p.get_help_record(ctx)) for p in place.parameters]
    kinds = [(p.param_type_name, (r[0], re.sub(r" {2,}", " ", r[1]))) for p, r in records if r]
    return Page(
        command=" ".join(place.path),
        usage=" ".join(command.collect_usage_pieces(ctx)),
        summary=f"{summary.rstrip('.')}.",
        audience=_audience(place.path),
        description=tuple(described),
        arguments=tuple(record for kind, record in kinds if kind == "argument"),
        options=tuple(record for kind, record in kinds if kind == "option"),
        examples=tuple(line for each in further if _is_verbatim(each) for line in _lines(each)),
        notes=tuple(each for each in further if not _is_verbatim(each)),
        exits=entry.exits if entry else (),
    )


def _audience(path: Sequence[str]) -> str:
    return next((who for who, words in front_page().items() if path and path[0] in words), "")


def _paragraphs(text: str | None) -> list[str]:
    """Paragraphs, each on one line unless it is verbatim."""
    parts = re.split(r"\n{2,}", cleandoc(text or "").strip("\n"))
    return [part if _is_verbatim(part) else " ".join(part.split()) for part in parts if part]


def _is_verbatim(paragraph: str) -> bool:
    return paragraph.startswith(_VERBATIM)


def _lines(paragraph: str) -> list[str]:
    """The lines below the word Example."""
    return [line.strip() for line in paragraph.splitlines()[2:]]
