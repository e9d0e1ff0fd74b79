"""`pincli backup`: the whole store in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.operations.backups import back_up
from pincli.views.blocks import Answer
from pincli.views.upkeep import backed_up


def backup(
    invocation: Invocation,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file to be; never over one.")],
) -> Answer:
    """Copy the store into a file, while agents verify.

    Example:
      pincli backup "/var/backups/pincli-$(date +%F).db"

    The keys are not in it: keep a copy of them elsewhere. Agents wait for one file copy,
    about half a second at a million users. FILE's folder must be yours or root's alone.
    """
    config = invocation.config
    size = back_up(config.store, config.marks, path, forbidden=config.secret_folders)
    return backed_up(path, size)
