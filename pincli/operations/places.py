"""Where a file that somebody named may lie: never among the secrets."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from pincli.errors import Refused, Rule

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def require_elsewhere(
    named: Path, secret_folders: Iterable[Path], *, real: Path | None = None
) -> None:
    """Refuse a file or folder that is, or lies in, the store's or the keys' folder.

    Under sudo, callers of pincli may not open those: naming a file there would show it
    to them, by an error message or by a link of theirs, or have it written over.

    Args:
        named: As it was given.
        secret_folders: The store's and the keys'.
        real: Where it really is, if it has been opened already.

    Raises:
        Refused: It is among them.
    """
    # Not Path.resolve: a loop of links is an error there, of a class of its own.
    real = real or Path(os.path.realpath(named))
    if any(Path(os.path.realpath(f)) in (real, *real.parents) for f in secret_folders):
        raise Refused(Rule.FILE_AMONG_SECRETS, str(named))


def own_folder(folder: Path) -> Path:
    """Where a folder really is, if only root and we can write to it or put another in its place.

    Looked at from the root down, each part stays what it was: its parent can't be changed by
    others, and in a folder such as /tmp they can't rename what is ours.

    Raises:
        Refused: Others own it or a folder above it, or may write there.
    """
    real = Path(os.path.realpath(folder))
    for part in (*reversed(real.parents), real):
        try:
            facts = part.lstat()
        except OSError:
            break  # writing there says what is wrong
        keeps_names = part != real and facts.st_mode & stat.S_ISVTX
        if (
            facts.st_uid not in (0, os.geteuid())
            or stat.S_ISLNK(facts.st_mode)
            or (facts.st_mode & _WRITABLE_BY_OTHERS and not keeps_names)
        ):
            raise Refused(Rule.FOLDER_OF_OTHERS, str(part))
    return real
