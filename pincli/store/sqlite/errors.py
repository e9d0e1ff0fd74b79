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

_BY_PREFIX = (
    ("SQLITE_FULL", Fault.FULL),
    ("SQLITE_READONLY", Fault.READ_ONLY),
    ("SQLITE_BUSY", Fault.BUSY),
    ("SQLITE_LOCKED", Fault.BUSY),
    ("SQLITE_NOTADB", Fault.NOT_A_STORE),
    ("SQLITE_CORRUPT", Fault.DAMAGED),
    ("SQLITE_CONSTRAINT", Fault.DAMAGED),
    ("SQLITE_CANTOPEN", Fault.FORBIDDEN),
    ("SQLITE_PERM", Fault.FORBIDDEN),
    ("SQLITE_AUTH", Fault.FORBIDDEN),
    ("SQLITE_IOERR", Fault.IO),
    ("SQLITE_ERROR", Fault.DAMAGED),
)

_NO_ANSWER = (errno.EOPNOTSUPP, errno.EISDIR)
"""Where a file system can't make a file without a name."""
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
        # Python's sqlite3 has no error of its own for it: the number after the largest one.
        raise StoreUnavailable(Fault.DAMAGED, path, "a number is out of range") from None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        fault = next((f for prefix, f in _BY_PREFIX if name.startswith(prefix)), Fault.DAMAGED)
        if fault is Fault.BUSY:
            raise StoreBusy(path, database_holder(path), name) from None
        if name.startswith("SQLITE_CANTOPEN"):
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
    """Do what SQLite could not, open the file or make one beside it: it does not say why.

    By now it has let go of its locks, which closing the file would drop.

    Raises:
        StoreUnavailable: What the system says.
    """
    for place, flags in ((path, os.O_RDWR), (path.parent, os.O_RDWR | os.O_TMPFILE)):
        try:
            os.close(os.open(place, flags | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in _NO_ANSWER:
                raise from_os(error, path) from None


def holder_of(descriptor: int, first: int, length: int) -> int | None:
    """The process that holds some of these bytes; None if nobody does, or it can't be known."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, first, length, 0)
    with suppress(OSError):
        found = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
        # Not above 0: a process on another host, or outside our PID namespace.
        if found[0] != fcntl.F_UNLCK and found[4] > 0:
            return int(found[4])
    return None


def database_holder(path: Path) -> int | None:
    """The process that holds a database's lock.

    Asked once SQLite gave up, and let go of its own: closing the file drops our locks on it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return holder_of(descriptor, *_DATABASE)
    finally:
        os.close(descriptor)
