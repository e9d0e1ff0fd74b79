"""Files that are handed to people: held by one process, named when whole, never over others."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from pincli.errors import Refused, Rule

_HERE = -100  # AT_FDCWD
_NO_REPLACE = 1  # RENAME_NOREPLACE
_NO_FILE_OF_OURS = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


def open_ours(path: Path, flags: int = 0) -> int:
    """Open a regular file that we own, for reading and writing, through no link.

    What stands in somebody else's would be their choice.

    Raises:
        Refused: It is none.
        OSError: It can't be opened, or with O_CREAT made.
    """
    flags |= os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno in _NO_FILE_OF_OURS:
            raise Refused(Rule.FILE_NOT_OURS, str(path)) from None
        raise
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
        os.close(descriptor)
        raise Refused(Rule.FILE_NOT_OURS, str(path))
    return descriptor


def hold(descriptor: int, path: Path) -> None:
    """Lock an open file until the process closes any descriptor of it: locks are POSIX's.

    Raises:
        Refused: Another run has it, or had it until now, and went on with it.
        OSError: It can't be locked there.
    """
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        still_there = os.path.samestat(os.fstat(descriptor), path.lstat())
    except (BlockingIOError, PermissionError, FileNotFoundError):
        still_there = False
    if not still_there:
        raise Refused(Rule.FILE_IN_USE, str(path))


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
