"""The file with new PINs: FILE.part while PINs are made, FILE once all are in it.

Every PIN is on the disk in FILE.part before it is valid, so a kill never leaves a user with a PIN
that nobody knows. No run continues the FILE.part of a killed run: users who are not in it have no
PIN, and another run makes theirs, to another file.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence, Set
from typing import NamedTuple

from pincli.errors import Refused, Rule
from pincli.operations.output_file import OutputFile
from pincli.rules.texts import escape_formula

COLUMNS = ("user", "account", "name", "pin")


class PinRow(NamedTuple):
    """One line of the file; its repr does not show the PIN."""

    user: str
    account: str
    name: str
    pin: str

    def __repr__(self) -> str:
        return f"PinRow({self.user!r})"


class PinFile(OutputFile):
    """A file of PINs that is being written. Closed without a PIN in it, it is removed."""

    _unfinished = Rule.FILE_CUT_SHORT
    _last: dict[tuple[str, str], tuple[int, int]]

    def begin(self, first: bytes = b"") -> None:
        """Make FILE.part, with its header."""
        super().begin(first or _line(COLUMNS))

    def append(self, rows: Sequence[PinRow]) -> None:
        """Write PINs, durably, all or none."""
        lines = self.write([_line([*map(escape_formula, row)]) for row in rows])
        self._last = {row[:2]: line for row, line in zip(rows, lines, strict=True)}
        self._keeps = True

    @property
    def kept(self) -> str:
        """FILE.part, if there may be valid PINs in it; else empty."""
        return str(self.part) if self._keeps else ""

    def take_back(self, users: Set[tuple[str, str]]) -> None:
        """Blank the lines, appended last, of users who did not get their PIN."""
        if not users:
            return
        try:
            for user in users:
                start, length = self._last[user]
                os.pwrite(self._open(), b"\n" * length, start)
            os.fsync(self._open())
        except OSError as error:
            raise self._unusable(self.part, error) from None

    def _meet_part(self) -> None:
        bare = self.part.lstat().st_size <= len(_line(COLUMNS))
        rule = Rule.FILE_WITHOUT_PINS if bare else Rule.FILE_CUT_SHORT
        raise Refused(rule, str(self.part))


def _line(row: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(row)
    return text.getvalue().encode()
