"""Bulk work in chunks: a caller on another line waits for two at most, and Ctrl-C for one."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from pincli.errors import Interrupted

FULL_CHUNK = 2000
"""Users a chunk, each chunk one transaction."""
FIRST_CHUNK = 250
"""Users of the first chunk, before it is known how slow the machine is; quick ones double."""
SMALLEST_CHUNK = 50
LONGEST_CHUNK = 0.2
"""Seconds; after a longer chunk the next one is smaller."""
PAUSE = 0.001
"""Seconds between two chunks, with no lock held. Without it, other writers were measured to wait
nine seconds; with it, a quarter of a second."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with how many are done, and how many there are."""


def no_progress(_done: int, _total: int) -> None:
    """Progress that is not shown."""


def in_chunks(
    following: Callable[[Item | None, int], Sequence[Item]],
    step: Callable[[Sequence[Item]], Result],
    *,
    total: int,
    progress: Progress = no_progress,
    at_most: int | None = None,
) -> Iterator[Result]:
    """Take a step for every chunk of items, with a pause in between.

    Args:
        following: Returns up to that number of items after one; after None, the first items.
        step: Handles a chunk in one transaction.
        total: How many items there are.
        progress: Called after each chunk.
        at_most: The largest chunk, if smaller than usual.

    Yields:
        The result of each step.

    Raises:
        Interrupted: Ctrl-C was pressed; the current chunk is done.
    """
    most = min(FULL_CHUNK, at_most or FULL_CHUNK)
    size = min(FIRST_CHUNK, most)
    last: Item | None = None
    with underway(total, progress) as work:
        while chunk := following(last, size):
            work.check()
            began = time.monotonic()
            result = step(chunk)
            took = time.monotonic() - began
            size = min(_next_size(size, took), most)
            last = chunk[-1]
            work.advance(len(chunk))
            yield result
            time.sleep(PAUSE)
        work.check()


def _next_size(size: int, took: float) -> int:
    if took > LONGEST_CHUNK:
        return max(SMALLEST_CHUNK, int(size * LONGEST_CHUNK / took))
    return min(FULL_CHUNK, size * 2) if took < LONGEST_CHUNK / 2 else size


class Work:
    """How much of some bulk work is done and durable."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.done = 0
        self.total = total
        self._progress = progress
        self._interrupted = False

    def advance(self, count: int) -> None:
        """Count finished items."""
        self.done += count
        self._progress(self.done, self.total)

    def check(self) -> None:
        """Raise Interrupted, with the true figures, if Ctrl-C was pressed."""
        if self._interrupted:
            raise Interrupted(self.done, self.total)

    def interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle the signal of Ctrl-C."""
        self._interrupted = True


@contextmanager
def underway(total: int, progress: Progress) -> Iterator[Work]:
    """Do bulk work in which Ctrl-C only takes effect where `check` is called.

    Anywhere else it could fall between a commit and its count, or into the code that takes the
    results, and the figures would be wrong.

    Raises:
        Interrupted: Ctrl-C was pressed before all was done.
    """
    work = Work(total, progress)
    before = signal.getsignal(signal.SIGINT)
    # If the parent process ignores the signal, so do we.
    ours = threading.current_thread() is threading.main_thread() and callable(before)
    try:
        if ours:
            signal.signal(signal.SIGINT, work.interrupt)
        yield work
    except KeyboardInterrupt:
        raise Interrupted(work.done, work.total) from None
    finally:
        if ours and signal.getsignal(signal.SIGINT) == work.interrupt:
            signal.signal(signal.SIGINT, before)
