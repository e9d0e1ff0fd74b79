"""Bulk work under way: how far it is, and a Ctrl-C that waits for the step at hand."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pincli.errors import Interrupted


class Course:
    """How far some bulk work is.

    Attributes:
        done: How many are finished and durable.
        total: Of how many.
    """

    def __init__(self, total: int, progress: Callable[[int, int], None]) -> None:
        self.done = 0
        self.total = total
        self._progress = progress
        self._interrupted = False

    def advance(self, count: int) -> None:
        """So many more are finished."""
        self.done += count
        self._progress(self.done, self.total)

    def check(self) -> None:
        """Between two steps: raise Interrupted, with the true figures, if Ctrl-C has come."""
        if self._interrupted:
            raise Interrupted(self.done, self.total)

    def interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Ctrl-C has come; the handler of its signal."""
        self._interrupted = True


@contextmanager
def underway(total: int, progress: Callable[[int, int], None]) -> Iterator[Course]:
    """Bulk work, in which Ctrl-C only counts where `check` is called.

    Anywhere else it would come between a commit and its being counted, or into whoever takes
    the results, and the figures would be wrong or missing.

    Args:
        total: How many there are to do.
        progress: Told after each step how many are done, and how many there are.

    Raises:
        Interrupted: Ctrl-C came, and some were left to do.
    """
    course = Course(total, progress)
    before = signal.getsignal(signal.SIGINT)
    # The parent process may have it ignored; then it stays so.
    ours = threading.current_thread() is threading.main_thread() and callable(before)
    try:
        if ours:
            signal.signal(signal.SIGINT, course.interrupt)
        yield course
    except KeyboardInterrupt:
        raise Interrupted(course.done, course.total) from None
    finally:
        if ours and signal.getsignal(signal.SIGINT) == course.interrupt:
            signal.signal(signal.SIGINT, before)
