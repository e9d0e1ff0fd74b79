"""A file as lines that are bounded, UTF-8, and counted."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from pincli.errors import FileUnreadable, UsageProblem
from pincli.results import RowProblem

LONGEST_LINE = 64 * 1024
"""Bytes. A longer one is no row of people; it is refused without being read into memory."""
LARGEST_WHOLE = 32 * 1024 * 1024
"""Bytes. A JSON array is read whole: one of a million rows was measured to take 664 MiB."""

_BOM = b"\xef\xbb\xbf"

Tell = Callable[[RowProblem], None]


class Lines(io.RawIOBase):
    """A file's lines, one a read, so that we know which line we are at; without a BOM.

    Attributes:
        record_line: The first line, from 1, that was read since `mark` and is not blank:
            where a record begins, however many lines it has.
    """

    def __init__(self, file: BinaryIO, tell: Tell) -> None:
        if not isinstance(file, io.BufferedReader):
            file = cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, file)))
        self._file = cast(io.BufferedReader, file)
        self._tell = tell
        self._number = 0
        self._ahead: list[bytes] = []
        self.record_line = 0
        self._header = 0

    def first(self) -> bytes:
        """The first line that is not blank, without taking it; empty if there is none."""
        while True:
            line = self._next()
            if line.strip() or not line:
                self._number -= 1
                self._ahead.append(line)
                return line

    @property
    def next_line(self) -> int:
        """The number of the line that is read next."""
        return self._number + 1

    def mark(self, *, after: int = 0) -> None:
        """The next line that is not blank begins a record; one of a header never does.

        Args:
            after: The header's line, if there is one.
        """
        self.record_line = 0
        self._header = after

    def readable(self) -> bool:
        """Always; asked by the text layer."""
        return True

    def read(self, _size: int | None = -1) -> bytes:
        """The next good line, whatever size is asked for. Bad ones are told and passed over."""
        while True:
            line = self._next()
            wrong = _wrong_with(line)
            if wrong is not None:
                self._tell(RowProblem(self._number, "", wrong))
                continue
            is_record = self._number > self._header and line.strip(b"\r\n")
            if not self.record_line and is_record:
                self.record_line = self._number
            return line

    read1 = read

    def __iter__(self) -> Iterator[bytes]:
        """The good lines, each of them a record."""
        while True:
            self.mark()
            line = self.read()
            if not line:
                return
            yield line

    def read_all(self) -> tuple[bytes, int]:
        """Everything, if it is not too much to hold, and the line it begins at."""
        begin = self._number + 1
        content = b"".join(self._ahead) + self._guarded(self._file.read, LARGEST_WHOLE + 1)
        self._ahead.clear()
        if len(content) > LARGEST_WHOLE:
            raise UsageProblem(
                f"a JSON array may not be larger than {LARGEST_WHOLE // (1024 * 1024)} MiB",
                "write one JSON object a line instead: that is read row by row",
            )
        return content, begin

    def _next(self) -> bytes:
        self._number += 1
        if self._ahead:
            return self._ahead.pop()
        line = self._guarded(self._file.readline, LONGEST_LINE + 1)
        line = line.removeprefix(_BOM) if self._number == 1 else line
        # A JSON array may be one long line; it has a bound of its own.
        if len(line) > LONGEST_LINE and not line.lstrip().startswith(b"["):
            raise UsageProblem(
                f"line {self._number} is longer than {LONGEST_LINE} bytes",
                "that is no row of people; nothing was changed",
            )
        return line

    def _guarded(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except OSError as error:
            raise FileUnreadable(error.strerror or "it can't be read") from None


def _wrong_with(line: bytes) -> str | None:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "it is not UTF-8"
    if b"\0" in line:
        return "it holds a NUL byte"
    # The text layer would take it for the end of a line, and our count would be off.
    return "it holds a bare carriage return" if b"\r" in line.rstrip(b"\r\n") else None
