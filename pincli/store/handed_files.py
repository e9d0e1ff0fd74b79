"""Files that are handed to people: they get their name when they are whole, never over others."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_HERE = -100  # AT_FDCWD
_NO_REPLACE = 1  # RENAME_NOREPLACE
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


def give_name(source: Path, target: Path) -> None:
    """Rename a file to a name that nothing has yet; both in one folder.

    In one step by Linux's renameat2, which a USB stick (FAT) can do too. Some network file
    systems can't: there by a link, and where there are none, by a rename over an empty file
    of our own. A kill in between leaves both names.

    Raises:
        FileExistsError: Something has that name, be it a link that leads nowhere.
        OSError: It can't be done; the file keeps its old name.
    """
    number = _rename(source, target)
    if number and number not in _CANNOT:
        raise OSError(number, os.strerror(number), str(target))
    if number:
        _link(source, target)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        source.rename(target)
    else:
        source.unlink()


def sync_names(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: It can't be done.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(source: Path, target: Path) -> int:
    """Rename without replacing; the error's number, or 0."""
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    if not hasattr(system, "renameat2"):
        return errno.ENOSYS
    names = (_HERE, os.fsencode(source), _HERE, os.fsencode(target))
    return 0 if system.renameat2(*names, _NO_REPLACE) == 0 else ctypes.get_errno()
