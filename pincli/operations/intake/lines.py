"""A file as numbered lines of text, none of them too long."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable
from typing import BinaryIO

from pincli.errors import FileUnreadable, UsageProblem

LONGEST_LINE = 64 * 1024
"""In characters. A longer line is refused before all of it is in memory."""
LONGEST_RECORD = 16 * LONGEST_LINE
"""The same for a row of several lines."""

_HEAD = 8
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOK = "open it in a spreadsheet program and save it as CSV UTF-8"
_UNPACK = "unpack it first, and import the file of people that is in it"
_NO_TEXT = (
    (
        b"PK\x03\x04",
        "a spreadsheet or a ZIP archive",
        f"a spreadsheet: {_WORKBOOK}; an archive: {_UNPACK}",
    ),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet", _WORKBOOK),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (b"%PDF", "a PDF", "export it as CSV instead"),
    (b"<", "HTML or XML", "export it as CSV instead"),
)
# Bytes that are not UTF-8 become surrogates. After a bare carriage return, Python's CSV reader
# and an editor number the lines differently.
_WRONG = re.compile("\0|[\ud800-\udfff]|\r(?!\n?\\Z)")
_WHY = {"\0": "it holds a NUL byte", "\r": "it holds a bare carriage return"}
NO_UTF8 = "it is not UTF-8; for a file from Windows, give --encoding cp1252"


class Lines:
    """An iterator over a file's lines, without a byte order mark.

    Attributes:
        number: The line that was read last, from 1.
        record: The lines read since `begin`.
        line: The first of them that is not blank; 0 if there is none yet.
        wrong: Why the record can't be a row, if that is clear already; else empty.
        is_ascii: Whether everything was ASCII so far.
    """

    def __init__(self, file: BinaryIO, encoding: str | None) -> None:
        """Look at the file's first bytes.

        Raises:
            UsageProblem: It is not text, or the encoding is unknown.
            FileUnreadable: The system can't read it.
        """
        source = _Source(file)
        self._text = io.TextIOWrapper(
            io.BufferedReader(source, LONGEST_LINE),
            _encoding_of(source.head, encoding),
            "strict" if encoding else "surrogateescape",
            newline="\n",
        )
        self._ahead: list[str] = []
        self.number = 0
        self.is_ascii = True
        self.begin()

    def begin(self) -> None:
        """Begin a new record."""
        self.record: list[str] = []
        self.line = 0
        self.wrong = ""
        self._size = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._fetch()
        if not line:
            raise StopIteration
        self.number += 1
        self._size += len(line)
        if len(line) > LONGEST_LINE or self._size > LONGEST_RECORD:
            raise UsageProblem(
                f"line {self.number} is longer than {LONGEST_LINE} characters"
                if len(line) > LONGEST_LINE
                else f"the row at line {self.line} is longer than {LONGEST_RECORD} characters",
                "one row is one user; nothing was changed",
            )
        if not line.isascii():
            self.is_ascii = False
        if wrong := _WRONG.search(line):
            self.wrong = _WHY.get(wrong[0], NO_UTF8)
        if not self.line and not line.isspace():
            self.line = self.number
        self.record.append(line)
        return line

    @property
    def text(self) -> str:
        """The record so far, as the file has it."""
        return "".join(self.record)

    def first(self) -> str:
        """Peek at the next line that is not blank; empty at the end of the file."""
        while (line := self._fetch()) and not line.strip():
            self.number += 1
        self._ahead.append(line)
        return line

    def ahead(self, count: int) -> str:
        """Peek at the next lines, joined."""
        ahead: list[str] = []
        while len(ahead) < count and (not ahead or ahead[-1].endswith("\n")):
            ahead.append(self._fetch())
        self._ahead = ahead[::-1]
        return "".join(ahead)

    def read(self, size: int) -> str:
        """Read at most that many characters; their lines are not counted."""
        if self._ahead:
            self._ahead, ahead = [], self._ahead
            return "".join(ahead[::-1])
        return self._guarded(self._text.read, size)

    def _fetch(self) -> str:
        if self._ahead:
            return self._ahead.pop()
        return self._guarded(self._text.readline, LONGEST_LINE + 1)

    def _guarded(self, read: Callable[[int], str], size: int) -> str:
        try:
            return read(size)
        except UnicodeError:
            raise UsageProblem(
                f"the file is not in {self._text.encoding} (line {self.number + 1} or soon after)",
                "name its encoding with --encoding, such as utf-8, utf-16-le or cp1252",
            ) from None


class _Source(io.RawIOBase):
    """A file whose first bytes have been looked at; closing it leaves the file open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.head = b""
        while len(self.head) < _HEAD and (more := self._read(_HEAD - len(self.head))):
            self.head += more
        self._left = self.head

    def readable(self) -> bool:
        """Always; asked by the layers above."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what comes next."""
        found = self._left or self._read(len(buffer))
        found, self._left = found[: len(buffer)], found[len(buffer) :]
        buffer[: len(found)] = found
        return len(found)

    def _read(self, size: int) -> bytes:
        try:
            return getattr(self._file, "read1", self._file.read)(size)
        except OSError as error:
            raise FileUnreadable(error.strerror or "it can't be read") from None


def _encoding_of(head: bytes, said: str | None) -> str:
    for begin, what, hint in _NO_TEXT:
        if head.startswith(begin):
            raise UsageProblem(f"the file is {what}, not a list of people", hint)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if said is None:
        if b"\0" in head:
            raise UsageProblem(
                "the file is not UTF-8", "if it is UTF-16, say --encoding utf-16-le or utf-16-be"
            )
        return "utf-8"
    try:
        if not codecs.lookup(said)._is_text_encoding:
            raise LookupError
    except (LookupError, ValueError):
        raise UsageProblem("unknown encoding", "utf-16-le and cp1252 are two") from None
    return said
