"""Ctrl-C: an exception while a command works, nothing once its answer is on the way.

A verdict followed by "interrupted" would be two answers, and an agent believes the second.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def taken() -> Iterator[None]:
    """Let the first Ctrl-C inside be a KeyboardInterrupt, unless the parent process ignores it.

    The second comes while the first is being told, and is nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _once)
    try:
        yield
    finally:
        ignore_from_here()
        # Not the default action again: the process is ending, by an exit code of its own.
        if callable(before):
            signal.signal(signal.SIGINT, before)


@contextmanager
def let_in() -> Iterator[None]:
    """Let Ctrl-C be a KeyboardInterrupt inside, although the answer has been given."""
    before = signal.getsignal(signal.SIGINT)
    if before is _nothing:
        signal.signal(signal.SIGINT, _once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def ignore_from_here() -> None:
    """Ignore Ctrl-C from here to the end: the answer is out."""
    # A function, and not SIG_IGN, which programs that we start would inherit.
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, _nothing)


def _once(_signal: int, _frame: FrameType | None) -> None:
    ignore_from_here()
    raise KeyboardInterrupt


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    pass
