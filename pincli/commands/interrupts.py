"""Signals: Ctrl-C, handlers for a while, and threads that take none.

Ctrl-C is an exception while a command works, and nothing once its answer is on the way. A
verdict followed by "interrupted" would be two answers, and an agent believes the second.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from types import FrameType

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def handle_ctrl_c() -> Iterator[None]:
    """Make the first Ctrl-C inside a KeyboardInterrupt, unless the parent process ignores it.

    Further ones are ignored: they come while the first is reported.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _once)
    try:
        yield
    finally:
        ignore_ctrl_c()
        # Not the default action again: the process is ending, by an exit code of its own.
        if callable(before):
            signal.signal(signal.SIGINT, before)


@contextmanager
def allow_ctrl_c() -> Iterator[None]:
    """Make Ctrl-C a KeyboardInterrupt inside, although the answer is out."""
    before = signal.getsignal(signal.SIGINT)
    if before is _nothing:
        signal.signal(signal.SIGINT, _once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def ignore_ctrl_c() -> None:
    """Ignore Ctrl-C until the end: the answer is out."""
    # A function, not SIG_IGN: programs that we start would inherit that.
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, _nothing)


def _once(_signal: int, _frame: FrameType | None) -> None:
    ignore_ctrl_c()
    raise KeyboardInterrupt


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    pass


@contextmanager
def handling(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Handle these signals inside, except those that the parent process ignores."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    previous = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def in_background(work: Callable[[], None]) -> None:
    """Start work in a thread that takes no signals; if none can be started, do it now.

    The main thread puts signals off from charge to settle. In another thread they would be
    delivered all the same, and stop or end the process. The process ends without waiting for
    this thread (see `__main__`): taking the interpreter down crashed one that was importing.
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
    # Only a head start: what fails here fails again where it is needed, and is reported there.
    with suppress(Exception):
        work()
