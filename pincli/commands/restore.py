"""`pincli restore`: a backup brought back, without undoing security that came after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pincli.commands.files import STANDARD, input_file
from pincli.commands.invocation import Invocation
from pincli.commands.options import YesOption
from pincli.commands.prompts import confirm, require_terminal
from pincli.errors import UsageProblem
from pincli.operations.backups import require_folder, require_nameable
from pincli.operations.backups import restore as operation
from pincli.operations.places import require_elsewhere
from pincli.views.blocks import Answer
from pincli.views.upkeep import restored


def restore(
    invocation: Invocation,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The backup, `-` for stdin; without one, the store."),
    ] = None,
    yes: YesOption = False,
) -> Answer:
    """Bring a backup back; the replaced store is kept aside.

    Example:
      pincli restore /var/backups/pincli-2026-11-24.db
      age -d pincli.db.age | pincli restore - --yes
      pincli restore

    Without a file, it takes in the present store as it is: one that was moved or rolled back,
    or that was changed behind the trail. If anything happened since, or may have, every PIN
    is withdrawn. Each user keeps the stricter of both counters, locks and deactivations; the
    trail is that of what is brought back.
    """
    if path == STANDARD and sys.stdin.isatty():
        raise UsageProblem("a backup can't be read from a terminal", "pipe it in, or name its file")
    if not yes:
        require_terminal("nobody is there to confirm the restore", "give --yes")
    config = invocation.config
    if path is not None:
        require_folder(config.store)
        require_nameable(path)
        require_elsewhere(path, (config.keys, config.marks))
    if not yes and path is not None:
        confirm(f"Restore {path} over the store at {config.store}?")
    elif not yes:
        confirm(f"Take in the store at {config.store} as it is?")
    with _readable(path, invocation) as backup:
        return restored(
            operation(
                backup, config.store, config.keys, marks=config.marks, origin=invocation.origin
            )
        )


@contextmanager
def _readable(path: Path | None, invocation: Invocation) -> Iterator[Path | BinaryIO | None]:
    """The backup: a pipe is opened here, as it can be read only once."""
    if path is not None and (path == STANDARD or path.is_fifo()):
        with input_file(path, invocation.config) as stream:
            yield stream
    else:
        yield path
