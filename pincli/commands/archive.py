"""`pincli audit archive`: moves the oldest events out of the store into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.operations import archive as operation
from pincli.operations.session import Need
from pincli.rules.times import since
from pincli.views.audit import archived
from pincli.views.blocks import Answer
from pincli.views.progress import progress_bar


def archive(
    invocation: Invocation,
    before: Annotated[
        str,
        typer.Option("--before", metavar="DATE", help="Such as 2026-01-01, or 400d."),
    ],
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The file to write.")],
) -> Answer:
    """Move the oldest events out of the store, into a file.

    Example:
      pincli audit archive --before 400d --output "$HOME/audit-$(date +%F).jsonl"

    The last 30 days always stay. Unknown names typed more than 30 days ago are dropped.
    Agents keep working. After an interruption, run the same command to finish.
    """
    moment = since(before)
    session = invocation.open(Need.WRITE, Need.CHECK)
    forbidden = invocation.config.secret_folders
    with progress_bar("archiving") as progress:
        result = operation.archive(session, moment, output, forbidden=forbidden, progress=progress)
    return archived(result, output)
