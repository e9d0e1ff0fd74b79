"""Whether others can change or replace the files that pincli trusts."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from pincli.files import real_place
from pincli.results import Check, unchecked

_MOUNTS = Path("/proc/self/mountinfo")
_IN_MEMORY = ("tmpfs", "ramfs")


def unchanged(what: str, path: Path, owners: Collection[int]) -> Check:
    """Whether only these owners can change a file or folder, and every folder above it."""
    try:
        place, is_safe = real_place(path, owners)
    except OSError as error:
        return unchecked(what, f"{path}: {error.strerror}")
    if is_safe:
        return Check(what, None, "")
    return Check(
        what,
        f"others own {place}, or may write to it",
        f"chown root {place} && chmod go-w {place}",
    )


def hook_check(command: Sequence[str], owners: Collection[int]) -> Check:
    """Whether the hook can run, and only its owners can change it, as it runs as one of them."""
    what = "hook"
    program = Path(command[0])
    try:
        mode = program.stat().st_mode
    except OSError as error:
        return Check(what, f"{program}: {error.strerror}", "correct [hooks] on_lock")
    if not stat.S_ISREG(mode) or not mode & 0o111:
        return Check(what, f"{program} can't be executed", f"chmod 755 {program}")
    return unchanged(what, program, owners)


def kept_on_disk(store: Path) -> Check:
    """Whether the store survives a restart of the machine."""
    what = "store's disk"
    try:
        device = store.stat().st_dev
        kind = file_system(_MOUNTS.read_text(encoding="utf-8"), device)
    except (OSError, ValueError) as error:
        return unchecked(what, f"the mounts can't be read: {error}")
    if kind is None:
        return unchecked(what, f"no mount is listed for {store}")
    if kind in _IN_MEMORY:
        finding = f"{store} is in memory ({kind}), and gone after a restart"
        return Check(what, finding, "stop pincli and move the folder to a disk")
    return Check(what, None, "")


def file_system(mounts: str, device: int) -> str | None:
    """The kind of the file system of a device, from the text of a process's mountinfo."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [number]:
            return after.split()[0]
    return None
