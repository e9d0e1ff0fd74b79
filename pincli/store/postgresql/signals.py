"""Signals that would stop or end the process wait while others wait for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

# From charge to settle none of these may part the two; while a row is locked, Ctrl-Z would
# hold up every other line.
_DEFERRED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP})


class Signals:
    """What is put off, and until when."""

    def __init__(self) -> None:
        self._kept_off = False

    @contextmanager
    def kept_off(self) -> Iterator[None]:
        """Once `put_off` was called inside, they wait until the end of this."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._kept_off = True
        try:
            yield
        finally:
            self._kept_off = False
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    @contextmanager
    def during(self) -> Iterator[None]:
        """Nothing stops the process inside, and nothing ends it once `put_off` was called."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        try:
            yield
        finally:
            if not self._kept_off:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def put_off(self) -> None:
        """From now on they wait."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _DEFERRED)
