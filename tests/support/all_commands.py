"""Every command that the program has, found by walking its app, hidden ones too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from pincli.cli import app

AGENT = frozenset({"verify", "find", "status", "lock", "call", "alerts", "desk"})
ADMIN = AGENT | {
    "alerts ack",
    "import",
    "user add",
    "user list",
    "user show",
    "user edit",
    "user rename",
    "user erase",
    "user deactivate",
    "user activate",
    "reset",
    "unlock",
    "report",
    "audit list",
    "audit verify",
    "audit seal",
    "audit archive",
    "backup",
    "restore",
    "doctor",
    "keys list",
    "keys rotate",
    "store upgrade",
    "store move",
}
PORTAL = frozenset({"status USER", "pin show", "pin change", "unlock"})
WITHOUT_ROLE = frozenset({"init", "demo", "pin check", "completion", "help"})
COMPLETING = "complete"
"""For whoever may see names in a list: agents and admins. DESIGN.md, section 6, spelled again."""


def existing_commands() -> frozenset[str]:
    """The commands by the names that the help gives them, such as `pin show`."""
    return frozenset(_below(typer.main.get_command(app), ()))


def _below(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(command, TyperGroup) or command.invoke_without_command:
        yield " ".join(path)
    if not isinstance(command, TyperGroup):
        return
    ctx: Any = typer.Context(command)
    for name in command.list_commands(ctx):
        yield from _below(command.get_command(ctx, name), (*path, name))
