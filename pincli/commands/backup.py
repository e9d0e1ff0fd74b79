"""`pincli backup`: the whole store in one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.files import STANDARD
from pincli.commands.invocation import Invocation
from pincli.errors import UsageProblem
from pincli.operations.backups import back_up, stream_backup
from pincli.views.blocks import Answer
from pincli.views.upkeep import backed_up


def backup(
    invocation: Invocation,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; `-` is stdout.")],
) -> Answer:
    """Copy the store into a file, while agents verify.

    Example:
      pincli backup "/var/backups/pincli-$(date +%F).db"
      pincli backup - | age -r "$RECIPIENT" > pincli.db.age

    The keys are not in it: keep a copy of them elsewhere. Agents wait for one file copy,
    about half a second at a million users. Others may not own FILE's
    folder or one above it, or write there; and it never goes over a file.
    """
    config = invocation.config
    if path == STANDARD:
        if invocation.as_json or sys.stdout.isatty():
            raise UsageProblem(
                "a backup on stdout needs a pipe or a file, and no --json",
                "pincli backup - | ssh HOST 'cat > pincli.backup'",
            )
        stream_backup(config.store, config.marks, sys.stdout.buffer)
        return Answer({}, text="")
    size = back_up(config.store, config.marks, path, forbidden=config.secret_folders)
    return backed_up(path, size)
