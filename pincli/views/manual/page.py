"""One command in the manual."""

from __future__ import annotations

from typing import NamedTuple

from pincli.views.exit_codes import ExitCode


class Page(NamedTuple):
    """A command or a group as its `--help` describes it.

    Attributes:
        command: The words after `pincli`; empty for pincli itself.
        usage: The words after the command, such as `[OPTIONS] USER`.
        summary: One sentence.
        audience: Who uses it: the heading in the help.
        description: Paragraphs; the summary is their first sentence.
        arguments: Each with its meaning.
        options: Each with its meaning.
        examples: Command lines.
        notes: Paragraphs after the examples.
        exits: Its exit codes; empty for a group.
    """

    command: str
    usage: str
    summary: str
    audience: str = ""
    description: tuple[str, ...] = ()
    arguments: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exits: tuple[ExitCode, ...] = ()


def facts(page: Page) -> dict[str, object]:
    """The page as JSON keys."""
    return {
        "command": page.command,
        "usage": " ".join(["pincli", *page.command.split(), page.usage]),
        "summary": page.summary,
        "description": list(page.description),
        "arguments": [{"name": name, "means": means} for name, means in page.arguments],
        "options": [{"name": name, "means": means} for name, means in page.options],
        "examples": list(page.examples),
        "notes": list(page.notes),
        "exit_codes": [int(code) for code in page.exits],
    }
