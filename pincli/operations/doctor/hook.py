"""Whether the hook can run, and nobody else decides what it does."""

from __future__ import annotations

import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from pincli.operations.doctor.places import unchanged
from pincli.results import Check

_WHAT = "hook"


def hook_check(command: Sequence[str], owners: Collection[int]) -> Check:
    """Look at the program of a hook.

    Args:
        command: The program, with its arguments.
        owners: Who may own it: it runs as one of them.
    """
    program = Path(command[0])
    try:
        mode = program.stat().st_mode
    except OSError as error:
        return Check(_WHAT, f"{program}: {error.strerror}", "correct [hooks] on_lock")
    if not stat.S_ISREG(mode) or not mode & 0o111:
        return Check(_WHAT, f"{program} can't be executed", f"chmod 755 {program}")
    return unchanged(_WHAT, program, owners)
