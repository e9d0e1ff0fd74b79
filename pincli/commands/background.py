"""Work done while something else waits: for the disk, or for a person to type."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from threading import Thread


def in_background(work: Callable[[], None]) -> None:
    """Start work in a thread that takes no signals; where none can be started, do it now.

    The process ends without it, and without taking the interpreter down, which was seen to
    crash a thread that was still importing (__main__). Signals: one that the main thread
    puts off from charge to settle would otherwise be delivered here, and stop or end the
    process all the same.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        with suppress(RuntimeError):  # a limit on processes
            Thread(target=_quietly, args=(work,)).start()
            return
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    _quietly(work)


def _quietly(work: Callable[[], None]) -> None:
    # Only a head start: what fails here fails again, and is reported, where it is needed.
    with suppress(Exception):
        work()
