"""Which files callers may name: never one in the store's or the keys' folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from pincli.errors import FileUnreadable, Refused, Rule
from pincli.files import real_place


def require_elsewhere(
    named: Path, secret_folders: Iterable[Path], *, real: Path | None = None
) -> None:
    """Refuse a file or folder in the store's or the keys' folder.

    Under sudo, callers of pincli can't open those themselves. An error message or a link of
    theirs would show them the file, or the command would overwrite it.

    Args:
        named: The path as it was given.
        secret_folders: The store's and the keys'.
        real: The real path, if the file is open already.

    Raises:
        Refused: It is in one of them.
    """
    # Not Path.resolve, which raises an error of its own for a loop of links.
    real = real or Path(os.path.realpath(named))
    if any(Path(os.path.realpath(f)) in (real, *real.parents) for f in secret_folders):
        raise Refused(Rule.FILE_AMONG_SECRETS, str(named))


def own_folder(folder: Path) -> Path:
    """Return a folder's real path, if only root and this user can write to it or replace it.

    Raises:
        Refused: Others own it or a folder above it, or may write there.
    """
    try:
        place, is_ours = real_place(folder, (0, os.geteuid()))
    except OSError:
        return Path(os.path.realpath(folder))  # writing to it reports what is wrong
    if not is_ours:
        raise Refused(Rule.FOLDER_OF_OTHERS, str(place))
    return place


def require_nameable(path: Path) -> None:
    """Raise FileUnreadable for a path that is too long, has a NUL, or links in a circle."""
    try:
        path.stat()
    except ValueError:
        raise FileUnreadable("not a file name") from None
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise FileUnreadable(f"{path}: {error.strerror}") from None
