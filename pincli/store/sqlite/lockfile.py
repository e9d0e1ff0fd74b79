"""The locks of a store: byte ranges of one file that `init` creates.

The kernel queues waiting processes and frees what a dead one held; the file always stays.

These are POSIX record locks, which belong to the process: closing any descriptor of the file
drops all of them, so a process opens it once. Waiting uses SIGALRM, even if it is blocked or
ignored, and works in the main thread only.
"""

from __future__ import annotations

import fcntl
import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pincli.errors import StoreBusy, StoreUnavailable
from pincli.files import open_plain
from pincli.models import Fault
from pincli.store.sqlite.errors import from_os, holder_of

LOCK_FILE = "pincli.lock"
LONGEST_WAIT = 10.0
"""Seconds that a command waits for all locks together, until a transaction commits."""

_WRITER = 0
_MAINTENANCE = 2**62  # above the rows that version 1 locked here
_TO_THE_END = 0  # as a length of lockf
_LOOK_UP = 0.5
"""Seconds between two looks at signals: one that comes just before the call blocks is only seen
when the call is interrupted."""
_SHORTEST_WAIT = 0.001  # an alarm after 0 seconds would never come

# None of these may come between charge and settle. While a lock is held, Ctrl-Z would hold up
# everybody else.
_DEFERRED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP})


def make_lock_file(folder: Path) -> bool:
    """Make the lock file of a folder if it has none; return whether it was made now.

    Raises:
        StoreUnavailable: Something else has its name, such as a link: a lock on a file that
            another user chose excludes nobody.
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
    """The lock file of one store, and how long its locks are waited for.

    Attributes:
        patience: Seconds left to wait, for these locks and for SQLite's.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            StoreUnavailable: It is missing, a link, or may not be written.
        """
        self._path = path
        self.patience = LONGEST_WAIT
        self._is_writing = False
        self._defers_signals = False
        try:
            self._descriptor = open_plain(path, os.O_RDWR)
        except FileNotFoundError:
            raise StoreUnavailable(Fault.NO_LOCK_FILE, path) from None
        except OSError as error:
            raise from_os(error, path) from None

    def close(self) -> None:
        """Close the file, which also releases every lock."""
        os.close(self._descriptor)

    @contextmanager
    def waiting(self) -> Iterator[float]:
        """Subtract the time spent inside from the patience; gives the patience left."""
        began = time.monotonic()
        try:
            yield self.patience
        finally:
            self.patience = max(self.patience - (time.monotonic() - began), 0)

    @contextmanager
    def without_waiting(self) -> Iterator[None]:
        """Inside, fail at once if a lock is held."""
        patience, self.patience = self.patience, 0.0
        try:
            yield
        finally:
            self.patience = patience

    @contextmanager
    def deferring_signals(self) -> Iterator[None]:
        """Defer signals from the first lock inside to the end, not only while a lock is held."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._defers_signals = True
        try:
            yield
        finally:
            self._defers_signals = False
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def renew_patience(self) -> None:
        """Allow the full wait again, after a commit."""
        self.patience = LONGEST_WAIT

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the writer lock, on which writers queue before BEGIN IMMEDIATE.

        Inside another hold, do nothing: releasing the inner one would release both.
        """
        if self._is_writing:
            yield
            return
        with self._held(_WRITER):
            self._is_writing = True
            try:
                yield
            finally:
                self._is_writing = False

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        """Hold the lock of key rotations, restores and moves, which exclude each other.

        It is taken before the writer lock, and no agent ever waits for it.
        """
        with self._held(_MAINTENANCE):
            yield

    @contextmanager
    def everything(self) -> Iterator[None]:
        """Hold the whole range: nobody else writes, or has an attempt in flight.

        Signals are not deferred: the work inside takes long, and is one transaction.
        """
        with self._held(0, _TO_THE_END, deferred=frozenset()):
            yield

    @contextmanager
    def _held(
        self, byte: int, length: int = 1, *, deferred: frozenset[signal.Signals] = _DEFERRED
    ) -> Iterator[None]:
        """Lock some bytes; signals that would stop or end the process are deferred meanwhile.

        Raises:
            StoreBusy: The patience ended before.
            StoreUnavailable: The file was removed.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        try:
            try:
                self._acquire(byte, length)
                signal.pthread_sigmask(signal.SIG_BLOCK, deferred)
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, length, byte)
        finally:
            if not self._defers_signals:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _acquire(self, byte: int, length: int) -> None:
        try:
            try:
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, length, byte)
            except (BlockingIOError, PermissionError):
                with self.waiting() as left, _alarm(left):
                    fcntl.lockf(self._descriptor, fcntl.LOCK_EX, length, byte)
            removed = os.fstat(self._descriptor).st_nlink == 0
        except _WaitedTooLongError:
            raise StoreBusy(self._path, holder_of(self._descriptor, byte, length)) from None
        except OSError as error:
            raise from_os(error, self._path) from None
        # Once the file is removed and made again, others lock another file: this lock excludes
        # nobody.
        if removed:
            raise StoreUnavailable(Fault.NO_LOCK_FILE, self._path)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise _WaitedTooLongError inside after some seconds."""
    deadline = time.monotonic() + seconds - _SHORTEST_WAIT
    step = max(seconds / math.ceil(max(seconds, _SHORTEST_WAIT) / _LOOK_UP), _SHORTEST_WAIT)

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        if time.monotonic() >= deadline:
            # Disarmed here too: the alarm may come while the lines below disarm it.
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise _WaitedTooLongError

    # Ignored first, which drops an alarm that was pending when this process started.
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, give_up)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, step, step)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGALRM, before)
