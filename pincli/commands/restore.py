"""`pincli restore`: a backup brought back, without undoing security that came after it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pincli.commands.invocation import Invocation
from pincli.commands.options import YesOption
from pincli.commands.prompts import confirm, require_terminal
from pincli.operations.backups import require_nameable
from pincli.operations.backups import restore as operation
from pincli.operations.places import require_elsewhere
from pincli.views.blocks import Answer
from pincli.views.upkeep import restored


def restore(
    invocation: Invocation,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    yes: YesOption = False,
) -> Answer:
    """Bring a backup back; the replaced store is kept aside.

    Example:
      pincli restore /var/backups/pincli-2026-11-24.db

    PINs changed since the backup are withdrawn; locks, counters, deactivations and later
    events are kept.
    """
    if not yes:
        require_terminal("nobody is there to confirm the restore", "give --yes")
    config = invocation.config
    require_nameable(path)
    require_elsewhere(path, (config.keys,))
    if not yes:
        confirm(f"Restore {path} over the store in {config.store}?")
    return restored(operation(path, config.store, config.keys, origin=invocation.origin))
