"""The file that hands new PINs over: FILE.part while PINs are made, FILE once all are in it.

Every PIN is in FILE.part, and on the disk, before it is valid: a kill never leaves anybody with
a PIN that nobody knows. Nothing goes on with a FILE.part that a kill left; those who are not in
it have no PIN, and get theirs by a run for them alone, to another file.
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
    """One file of PINs that is being written. Closed without a PIN in it, it leaves nothing."""

    _unfinished = Rule.FILE_CUT_SHORT
    _last: dict[tuple[str, str], tuple[int, int]]

    def begin(self, first: bytes = b"") -> None:
        """Make FILE.part, with nothing but its header; see OutputFile."""
        super().begin(first or _line(COLUMNS))

    def append(self, rows: Sequence[PinRow]) -> None:
        """Write PINs down; they are on the disk when this returns.

        Raises:
            FileUnwritable: There is no room for them; those before them stay.
        """
        lines = self.write([_line([*map(escape_formula, row)]) for row in rows])
        self._last = {row[:2]: line for row, line in zip(rows, lines, strict=True)}
        self._keeps = True

    @property
    def kept(self) -> str:
        """FILE.part, if there are PINs in it that may count; else empty."""
        return str(self.part) if self._keeps else ""

    def take_back(self, users: Set[tuple[str, str]]) -> None:
        """Blank the lines of users, by login and account, who did not get the PIN in them.

        Only of those that were appended last.

        Raises:
            FileUnwritable: It can't be done.
        """
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
