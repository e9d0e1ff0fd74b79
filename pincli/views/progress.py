"""A progress bar on stderr, after a second, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pincli.config import read_display

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_APPEARS_AFTER = 1.0


@contextmanager
def progress_bar(what: str, *, percent: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with the done and the total number; the total is 0 if unknown.

    Args:
        what: The bar's label.
        percent: Whether to show percents in place of the numbers.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    bar = _Bar(what, percent=percent)
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    """Rich's progress display, imported and started after a second."""

    def __init__(self, what: str, *, percent: bool) -> None:
        self._what = what
        self._percent = percent
        self._began = time.monotonic()
        self._shown: tuple[Progress, TaskID] | None = None

    def update(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._shown is None:
            if 0 < total <= done or time.monotonic() - self._began < _APPEARS_AFTER:
                return
            self._start(total)
        if self._shown is None:
            return
        progress, task = self._shown
        progress.update(task, completed=done, total=total or None)

    def close(self) -> None:
        """Take the bar away."""
        if self._shown is not None:
            self._shown[0].stop()

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskProgressColumn,
            TimeRemainingColumn,
        )

        color = read_display().color
        console = Console(
            file=sys.stderr, color_system="auto" if color else None, no_color=not color
        )
        progress = Progress(
            "{task.description}",
            BarColumn(),
            TaskProgressColumn() if self._percent else MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        # Assigned before it starts: if Ctrl-C comes in between, `close` still gives the
        # terminal its cursor back.
        self._shown = (progress, progress.add_task(self._what, total=total or None))
        progress.start()
