"""A file as lines that are bounded, UTF-8, and counted."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from pincli.errors import FileUnreadable, UsageProblem
from pincli.results import RowProblem

LONGEST_LINE = 64 * 1024
"""Bytes. A longer one is no row of people; it is refused without being read into memory."""
LARGEST_WHOLE = 32 * 1024 * 1024
"""Bytes. A JSON array is read whole: one of a million rows was measured to take 664 MiB."""

BOM = b"\xef\xbb\xbf"

Tell = Callable[[RowProblem], None]


class Lines(io.RawIOBase):
    """A file as bounded lines of UTF-8, one a read, so that we know which line we are at."""

    def __init__(self, file: BinaryIO, tell: Tell) -> None:
        if not isinstance(file, io.BufferedReader):
            file = cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, file)))
        self._file = cast(io.BufferedReader, file)
        self._tell = tell
        self.next_line = 1

    def peek(self) -> bytes:
        """The first bytes, without taking them."""
        return self._file.peek(LONGEST_LINE)

    def readable(self) -> bool:
        """Always; asked by the text layer."""
        return True

    def read(self, _size: int | None = -1) -> bytes:
        """The next good line; whatever size is asked for. Bad ones are told and passed over."""
        while True:
            try:
                line = self._file.readline(LONGEST_LINE + 1)
            except OSError as error:
                raise FileUnreadable(error.strerror or "") from None
            number, self.next_line = self.next_line, self.next_line + 1
            if len(line) > LONGEST_LINE:
                raise UsageProblem(
                    f"line {number} is longer than {LONGEST_LINE} bytes",
                    "that is no row of people; nothing was changed",
                )
            try:
                line.decode()
            except UnicodeDecodeError:
                self._tell(RowProblem(number, "", "it is not UTF-8"))
                continue
            if b"\0" in line:
                self._tell(RowProblem(number, "", "it holds a NUL byte"))
                continue
            return line

    read1 = read

    def __iter__(self) -> Iterator[bytes]:
        """The good lines."""
        while line := self.read():
            yield line

    def read_all(self) -> bytes:
        """Everything, if it is not too much to hold."""
        content = self._file.read(LARGEST_WHOLE + 1).removeprefix(BOM)
        if len(content) > LARGEST_WHOLE:
            raise UsageProblem(
                f"a JSON array may not be larger than {LARGEST_WHOLE // (1024 * 1024)} MiB",
                "write one JSON object a line instead: that is read row by row",
            )
        return content


class JsonLines(io.RawIOBase):
    """The lines that are JSON; others are told, where the reader would stop at the first."""

    def __init__(self, lines: Lines, tell: Tell) -> None:
        self._lines = lines
        self._tell = tell

    def __iter__(self) -> Iterator[bytes]:
        """The good lines."""
        for line in self._lines:
            content = line.removeprefix(BOM) if self._lines.next_line == 2 else line  # noqa: PLR2004
            try:
                if content.strip():
                    json.loads(content)
            except (ValueError, RecursionError):
                self._tell(RowProblem(self._lines.next_line - 1, "", "it is not valid JSON"))
            else:
                yield content
