"""Giving a finished file its name: at once, and never over another."""

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
    systems can't: there by a link, whose kill in between leaves the file with both names.

    Raises:
        FileExistsError: Something has that name, be it a link that leads nowhere.
        OSError: It can't be done; the file keeps its old name.
    """
    number = _rename(source, target)
    if number in _CANNOT:
        os.link(source, target, follow_symlinks=False)
        # Whoever found both names may have removed the old one already.
        source.unlink(missing_ok=True)
    elif number:
        raise OSError(number, os.strerror(number), str(target))


def drop_second_name(old: Path, new: Path) -> None:
    """Remove the old name of a file that a kill left with both.

    Raises:
        OSError: It can't be removed.
    """
    if os.path.lexists(old) and os.path.lexists(new) and os.path.samestat(old.lstat(), new.lstat()):
        old.unlink(missing_ok=True)


def _rename(source: Path, target: Path) -> int:
    """Rename without replacing; the error's number, or 0."""
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    if not hasattr(system, "renameat2"):
        return errno.ENOSYS
    names = (_HERE, os.fsencode(source), _HERE, os.fsencode(target))
    return 0 if system.renameat2(*names, _NO_REPLACE) == 0 else ctypes.get_errno()
