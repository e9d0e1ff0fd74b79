"""`pincli backup` and `pincli restore`: the store in one file, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

from pincli.commands.files import STANDARD, input_file
from pincli.commands.invocation import Invocation
from pincli.commands.options import YesOption, argument
from pincli.commands.prompts import confirm, require_confirmable
from pincli.errors import UsageProblem
from pincli.operations import backups as operation
from pincli.operations.named_files import require_elsewhere, require_nameable
from pincli.views.answer import Answer
from pincli.views.upkeep import backed_up, restored


def backup(
    invocation: Invocation,
    path: Annotated[Path, argument("FILE", "The file to write; `-` is stdout.")],
) -> Answer:
    """Copy the store into a file, while agents verify.

    Example:
      pincli backup "/var/backups/pincli-$(date +%F).db"
      pincli backup - | age -r "$RECIPIENT" > pincli.db.age

    The keys are not in it: keep a copy of them elsewhere. Agents wait for one file copy,
    about half a second at a million users. No other user may own or write to FILE's folder or
    one above it. An existing file is never overwritten.
    """
    config = invocation.config
    if path == STANDARD:
        if invocation.as_json or sys.stdout.isatty():
            raise UsageProblem(
                "a backup on stdout needs a pipe or a file, and no --json",
                "pincli backup - | ssh HOST 'cat > pincli.backup'",
            )
        operation.stream_backup(config.store, config.marks, sys.stdout.buffer)
        return Answer({}, text="")
    size = operation.back_up(config.store, config.marks, path, forbidden=config.secret_folders)
    return backed_up(path, size)


def restore(
    invocation: Invocation,
    path: Annotated[
        Path | None, argument("[FILE]", "The backup, `-` for stdin; without one, the store.")
    ] = None,
    yes: YesOption = False,
) -> Answer:
    """Bring a backup back; the replaced store is kept aside.

    Example:
      pincli restore /var/backups/pincli-2026-11-24.db
      age -d pincli.db.age | pincli restore - --yes
      pincli restore

    Without a file, it accepts the present store as it is: one that was moved, rolled back, or
    changed without an event. If anything happened since, or may have, every PIN is withdrawn.
    Each user keeps the stricter of both counters, locks and deactivations. The trail is that of
    the backup.
    """
    if path == STANDARD and sys.stdin.isatty():
        raise UsageProblem("a backup can't be read from a terminal", "pipe it in, or name its file")
    require_confirmable(yes=yes)
    config = invocation.config
    question = f"Take in the store at {config.store} as it is?"
    if path is not None:
        operation.require_folder(config.store)
        require_nameable(path)
        require_elsewhere(path, (config.keys, config.marks))
        question = f"Restore {path} over the store at {config.store}?"
    if not yes:
        confirm(question)
    with _readable(path, invocation) as backup:
        result = operation.restore(
            backup, config.store, config.keys, marks=config.marks, origin=invocation.origin
        )
    return restored(result)


@contextmanager
def _readable(path: Path | None, invocation: Invocation) -> Iterator[Path | BinaryIO | None]:
    """The backup: a pipe is opened here, as it can be read only once."""
    if path is not None and (path == STANDARD or path.is_fifo()):
        with input_file(path, invocation.config) as stream:
            yield stream
    else:
        yield path
