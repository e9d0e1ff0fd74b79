"""An option that stands before the command it belongs to: `pincli --json status`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def owner_of(option: str, arguments: Sequence[str], ctx: Any) -> str:
    """The command behind an unknown option that does know it; empty if none does.

    Args:
        option: As it was typed.
        arguments: The whole command line.
        ctx: The context in which it is unknown: pincli's own, or a group's.
    """
    if ctx is None or option not in arguments:
        return ""
    command, path = ctx.command, ctx.command_path
    for word in arguments[arguments.index(option) + 1 :]:
        if word in (command.list_commands(ctx) if hasattr(command, "list_commands") else ()):
            command, path = command.get_command(ctx, word), f"{path} {word}"
    known = {name for param in command.get_params(ctx) for name in param.opts}
    return path if option in known and command is not ctx.command else ""
