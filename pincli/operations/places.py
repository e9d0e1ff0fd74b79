"""Where a file that somebody named may lie: never among the secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pincli.errors import Refused, Rule
from pincli.files import real_place


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
    """Where a folder really is, if only root and we can write to it or replace it.

    Raises:
        Refused: Others own it or a folder above it, or may write there.
    """
    try:
        place, is_ours = real_place(folder, (0, os.geteuid()))
    except OSError:
        return Path(os.path.realpath(folder))  # writing there says what is wrong
    if not is_ours:
        raise Refused(Rule.FOLDER_OF_OTHERS, str(place))
    return place
