"""Standard output that takes all that is written to it, or says that it did not."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from pincli.errors import OutputUnavailable


def take_stdout() -> None:
    """Put such a stream in the place of sys.stdout, for as long as the process lives.

    Python's own loses what a non-blocking pipe has no room for, where it is unbuffered; and
    where it is buffered, it keeps the rest and tries again later.
    """
    before = sys.stdout
    whole = _Whole(before.fileno())
    sys.stdout = io.TextIOWrapper(
        whole, before.encoding, before.errors, line_buffering=whole.isatty()
    )


class _Whole(io.RawIOBase):
    """A descriptor; every write to it is whole, or raises OutputUnavailable."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise OutputUnavailable(closed_by_reader=isinstance(error, BrokenPipeError)) from None
        return len(memoryview(data))
