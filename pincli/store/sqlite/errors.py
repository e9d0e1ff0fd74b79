"""SQLite's and the system's errors, as the faults that pincli knows."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pincli.errors import StoreBusy, StoreUnavailable
from pincli.models import Fault
from pincli.store.sql.rows import SpoiltRow

_FAULTS = {
    "FULL": Fault.FULL,
    "READONLY": Fault.READ_ONLY,
    "BUSY": Fault.BUSY,
    "LOCKED": Fault.BUSY,
    "NOTADB": Fault.NOT_A_STORE,
    "CANTOPEN": Fault.FORBIDDEN,
    "PERM": Fault.FORBIDDEN,
    "AUTH": Fault.FORBIDDEN,
    "IOERR": Fault.IO,
}
"""By SQLite's primary error code; all others are damage."""
_NO_ANSWER = (errno.EOPNOTSUPP, errno.EISDIR)
"""Errors of file systems that can't make a file without a name."""
_FLOCK = "hhqqi0q"  # struct flock: type, whence, start, length, process
_DATABASE = (2**30, 512)
"""The bytes that SQLite locks, from the pending byte to the last of the shared ones."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite raises inside, and spoilt rows, into StoreUnavailable about this path."""
    try:
        yield
    except SpoiltRow as error:
        raise StoreUnavailable(Fault.DAMAGED, path, str(error)) from None
    except OverflowError:
        # From Python's sqlite3: the number after the largest one.
        raise StoreUnavailable(Fault.DAMAGED, path, "a number is out of range") from None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        _, code, *_ = f"{name}__".split("_")
        fault = _FAULTS.get(code, Fault.DAMAGED)
        if fault is Fault.BUSY:
            raise StoreBusy(path, database_holder(path), name) from None
        if code == "CANTOPEN":
            _try_again(path)
        raise StoreUnavailable(fault, path, f"{name}: {error}" if name else str(error)) from None


def from_os(error: OSError, path: Path) -> StoreUnavailable:
    """The StoreUnavailable that an OSError about this path means."""
    fault = Fault.of(error)
    if fault is Fault.FULL and has_no_inodes(path.parent):
        fault = Fault.NO_INODES
    return StoreUnavailable(fault, path, error.strerror or "")


def has_no_inodes(folder: Path) -> bool:
    """Whether no further file can be made on a file system, however much space there is."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return False
    return facts.f_files > 0 and facts.f_favail == 0  # without a limit both are 0


def _try_again(path: Path) -> None:
    """Open the file, or create one in its folder, to learn the cause that SQLite does not report.

    By now SQLite has released its locks, which closing the file would drop.

    Raises:
        StoreUnavailable: With the system's reason.
    """
    for place, flags in ((path, os.O_RDWR), (path.parent, os.O_RDWR | os.O_TMPFILE)):
        try:
            os.close(os.open(place, flags | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in _NO_ANSWER:
                raise from_os(error, path) from None


def holder_of(descriptor: int, first: int, length: int) -> int | None:
    """The process that has locked some of these bytes; None if none has, or it is unknown."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, first, length, 0)
    with suppress(OSError):
        found = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
        # Not above 0: a process on another host, or outside our PID namespace.
        if found[0] != fcntl.F_UNLCK and found[4] > 0:
            return int(found[4])
    return None


def database_holder(path: Path) -> int | None:
    """The process that holds a database's lock.

    Only once SQLite has given up and released its own: closing the file drops our locks on it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return holder_of(descriptor, *_DATABASE)
    finally:
        os.close(descriptor)
