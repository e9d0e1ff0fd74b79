"""The writer lock and the users' locks: byte ranges of one file that `init` creates.

Byte 0 is the writer lock, byte N the lock of the user in row N. The kernel queues who waits
and frees what a dead process held, and no lock file comes or goes.

A user's lock is always taken before the writer lock, never after.

These are POSIX record locks, which belong to the process: closing any descriptor of the file
drops all of them, so a process opens it once. Waiting uses SIGALRM and works in the main
thread only.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pincli.errors import StoreUnavailable
from pincli.models import Fault
from pincli.store.faults import from_os

LOCK_FILE = "pincli.lock"
LONGEST_WAIT = 10.0
"""Seconds that anybody waits for a lock before giving up, with nothing charged."""

_WRITER = 0
_MAINTENANCE = 2**62  # above any row
_WAKE_AGAIN = 0.5

# From charge to settle none of these may part the two; while a lock is held, Ctrl-Z would
# hold up every other line.
_DEFERRED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP})


def make_lock_file(folder: Path) -> bool:
    """Make the lock file of a folder if it has none; whether this call made it.

    Raises:
        StoreUnavailable: Something else lies there, such as a link: a lock on a file of
            somebody else's choice excludes nobody.
    """
    path = folder / LOCK_FILE
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        if path.is_symlink():
            raise StoreUnavailable(Fault.LINK, path) from None
        if not path.is_file():
            raise StoreUnavailable(Fault.IO, path, "not a plain file") from None
        return False
    except OSError as error:
        raise from_os(error, path) from None
    return True


class _WaitedTooLongError(Exception):
    """Raised by the alarm, out of the blocking call."""


class Locks:
    """The lock file of one store."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            StoreUnavailable: It is missing, a link, or may not be written.
        """
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise StoreUnavailable(Fault.NO_LOCK_FILE, path) from None
        except OSError as error:
            raise from_os(error, path) from None

    def close(self) -> None:
        """Close the file, which also releases whatever is held."""
        os.close(self._descriptor)

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the one writer lock, on which writers queue before BEGIN IMMEDIATE."""
        with self._held(_WRITER):
            yield

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        """Hold the lock of key rotations and restores, which exclude each other.

        Taken before the writer lock; no agent ever waits for it.
        """
        with self._held(_MAINTENANCE):
            yield

    @contextmanager
    def user(self, row: int) -> Iterator[None]:
        """Hold the lock of the user in this row, from charge to settle."""
        with self._held(row):
            yield

    @contextmanager
    def _held(self, byte: int) -> Iterator[None]:
        """Hold one byte; until it is released, signals that would stop or end us wait.

        Raises:
            StoreUnavailable: Not had within LONGEST_WAIT, or the file was removed.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        try:
            try:
                self._acquire(byte)
                signal.pthread_sigmask(signal.SIG_BLOCK, _DEFERRED)
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, byte)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _acquire(self, byte: int) -> None:
        try:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except (BlockingIOError, PermissionError):
                with _alarm(LONGEST_WAIT):
                    fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, byte)
            removed = os.fstat(self._descriptor).st_nlink == 0
        except _WaitedTooLongError:
            raise StoreUnavailable(Fault.BUSY, self._path) from None
        except OSError as error:
            raise from_os(error, self._path) from None
        # Whoever removes the file parts us from those who open it anew: stop, don't go on
        # with a lock that excludes nobody.
        if removed:
            raise StoreUnavailable(Fault.NO_LOCK_FILE, self._path)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise _WaitedTooLongError inside after so many seconds."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        # Disarmed here too: it may come while the lines below disarm it, and cut them short.
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise _WaitedTooLongError

    before = signal.signal(signal.SIGALRM, give_up)
    try:
        try:
            # It repeats: one that arrives just before the call blocks would be lost.
            signal.setitimer(signal.ITIMER_REAL, seconds, _WAKE_AGAIN)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
