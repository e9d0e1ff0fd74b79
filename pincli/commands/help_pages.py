"""How the help looks beyond what Typer does: sections, examples, exit codes."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

from pincli.commands.catalogue import OTHERS, SECTIONS
from pincli.views.exit_codes import ExitCode
from pincli.views.help.topics import TOPICS


def write_commands(group: Any, ctx: Any, formatter: Any) -> None:
    """The front door's commands, by who uses them.

    Args:
        group: The front door.
        ctx: Its context.
        formatter: Typer's, to write to.
    """
    told = {name: text for section in SECTIONS.values() for name, text in section.items()}
    names = group.list_commands(ctx)
    others = {
        name: command.get_short_help_str(limit=200)
        for name in names
        if name not in told and not (command := group.get_command(ctx, name)).hidden
    }
    width = max(map(len, {**told, **others}))
    for heading, section in {**SECTIONS, OTHERS: others}.items():
        rows = [(f"{name:<{width}}", text) for name, text in section.items() if name in names]
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows)


def write_epilog(epilog: str | None, formatter: Any) -> None:
    """Examples line by line, and further paragraphs, as far left as the headings."""
    if epilog:
        formatter.write_paragraph()
        formatter.write_text(cleandoc(epilog))


def write_exit_codes(codes: Iterable[ExitCode], formatter: Any) -> None:
    """Exit codes with what they mean, one a line."""
    with formatter.section("Exit codes"):
        formatter.write_dl([(str(int(code)), code.meaning) for code in sorted(codes)])


def closing_words() -> str:
    """The front door's own: all exit codes in one sentence, and where more is said."""
    codes = ", ".join(f"{int(code)} {code.short}" for code in ExitCode)
    more = ", ".join(f"`pincli help {topic}`" for topic in TOPICS)
    return f"Exit codes: {codes}.\n\nMore: {more}."
