"""Who holds a lock of a file, as the kernel knows it: whom to wait for, or to end."""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path

_FLOCK = "hhqqi0q"  # struct flock: type, whence, start, length, process
_DATABASE = (2**30, 512)
"""The bytes that SQLite locks, from the pending byte to the last of the shared ones."""


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
