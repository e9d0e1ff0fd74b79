"""Bulk work in chunks, so that a caller on another line waits for two of them at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pincli.operations.underway import underway

FULL_CHUNK = 2000
"""Users a chunk, each chunk one transaction."""
SMALLEST_CHUNK = 50
LONGEST_CHUNK = 0.2
"""Seconds; a chunk that took longer makes the next one smaller."""
PAUSE = 0.001
"""Seconds between two chunks, with no lock held. Without it a waiter was measured to wait
nine seconds, with it a quarter of one."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with how many are done, and how many there are."""


def no_progress(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


def in_chunks(
    following: Callable[[Item | None, int], Sequence[Item]],
    step: Callable[[Sequence[Item]], Result],
    *,
    total: int,
    progress: Progress = no_progress,
    at_most: int | None = None,
) -> Iterator[Result]:
    """Take a step for every chunk of items, pausing in between.

    Args:
        following: Gives the items after one (None: from the first), at most so many.
        step: Does a chunk, in one transaction.
        total: How many items there are.
        progress: Told after each chunk.
        at_most: The largest chunk, if smaller than usual.

    Yields:
        What each step gave.

    Raises:
        Interrupted: Ctrl-C came, and the chunk at hand is done; says how far it got.
    """
    size = most = min(FULL_CHUNK, at_most or FULL_CHUNK)
    last: Item | None = None
    with underway(total, progress) as course:
        while chunk := following(last, size):
            course.check()
            began = time.monotonic()
            result = step(chunk)
            took = time.monotonic() - began
            size = min(_next_size(size, took), most)
            last = chunk[-1]
            course.advance(len(chunk))
            yield result
            time.sleep(PAUSE)
        course.check()


def _next_size(size: int, took: float) -> int:
    if took > LONGEST_CHUNK:
        return max(SMALLEST_CHUNK, int(size * LONGEST_CHUNK / took))
    return min(FULL_CHUNK, size * 2) if took < LONGEST_CHUNK / 2 else size
