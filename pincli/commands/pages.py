"""The manual's pages, read from the program's own commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperGroup

from pincli.commands.catalogue import audience_of
from pincli.commands.plain import PlainCommand
from pincli.views.exit_codes import OF_ANY_COMMAND
from pincli.views.help.page import Page

_AS_IT_IS = "\b\n"


def pages(front: Any) -> list[Page]:
    """Every command that the help shows, pincli itself first, in the order of the help.

    Args:
        front: The front door as a command, from typer.main.get_command.
    """
    return [_page(command, ctx) for command, ctx in _walk(front, "pincli", None)]


def context_of(front: Any, words: list[str]) -> typer.Context | None:
    """The context of a command by its words; None if there is none, or only a hidden one."""
    ctx = _context(front, "pincli", None)
    for word in words:
        group: Any = ctx.command
        command = group.get_command(ctx, word) if isinstance(group, TyperGroup) else None
        if command is None or command.hidden:
            return None
        ctx = _context(command, word, ctx)
    return ctx


def page_of(ctx: typer.Context) -> Page:
    """The page of the command that a context is of."""
    return _page(ctx.command, ctx)


def _walk(
    command: Any, name: str, above: typer.Context | None
) -> Iterator[tuple[Any, typer.Context]]:
    ctx = _context(command, name, above)
    yield command, ctx
    if isinstance(command, TyperGroup):
        for below_name in command.list_commands(ctx):
            below = command.get_command(ctx, below_name)
            if below is not None and not below.hidden:
                yield from _walk(below, below_name, ctx)


def _context(command: Any, name: str, above: typer.Context | None) -> typer.Context:
    return typer.Context(command, info_name=name, parent=above, **command.context_settings)


def _page(command: Any, ctx: typer.Context) -> Page:
    arguments, options = _records(command, ctx)
    described = _paragraphs(command.help)
    summary = described[0].partition(". ")[0]
    further = _paragraphs(command.epilog)
    return Page(
        command=ctx.command_path.partition(" ")[2],
        usage=" ".join(command.collect_usage_pieces(ctx)),
        summary=f"{summary.rstrip('.')}.",
        audience=audience_of(ctx.command_path.split()[1:]),
        description=tuple(described),
        arguments=arguments,
        options=options,
        examples=tuple(line for each in further if _is_verbatim(each) for line in _lines(each)),
        notes=tuple(each for each in further if not _is_verbatim(each)),
        exits=tuple(sorted(command.exits | OF_ANY_COMMAND))
        if isinstance(command, PlainCommand)
        else (),
    )


def _records(
    command: Any, ctx: typer.Context
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Arguments, then options, each as it is typed and what it is."""
    found: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            name, means = record
            found[parameter.param_type_name].append((name, re.sub(r" {2,}", " ", means)))
    return tuple(found["argument"]), tuple(found["option"])


def _paragraphs(text: str | None) -> list[str]:
    """Paragraphs, each on one line but for those that are to stay as they are."""
    parts = re.split(r"\n{2,}", cleandoc(text or "").strip("\n"))
    return [part if _is_verbatim(part) else " ".join(part.split()) for part in parts if part]


def _is_verbatim(paragraph: str) -> bool:
    return paragraph.startswith(_AS_IT_IS)


def _lines(paragraph: str) -> list[str]:
    """The lines below the word Example."""
    return [line.strip() for line in paragraph.splitlines()[2:]]
