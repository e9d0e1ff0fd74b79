"""The file that hands new PINs over: FILE.part while PINs are made, FILE once all are in it.

Every PIN is in FILE.part, and on the disk, before it is valid: a kill never leaves anybody with
a PIN that nobody knows. Nothing goes on with a FILE.part that a kill left; those who are not in
it have no PIN, and get theirs by a run for them alone, to another file.
"""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple, Self

from pincli.errors import FileUnreadable, FileUnwritable, Refused, Rule
from pincli.files import give_name, sync_folder
from pincli.operations.places import require_elsewhere
from pincli.rules.spreadsheets import harmless

COLUMNS = ("user", "account", "name", "pin")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class PinRow(NamedTuple):
    """One line of the file; its repr does not show the PIN."""

    user: str
    account: str
    name: str
    pin: str

    def __repr__(self) -> str:
        return f"PinRow({self.user!r})"


class PinFile:
    """One file of PINs on its way. Closed without a PIN in it, it leaves nothing.

    Attributes:
        path: FILE.
        part: FILE.part.
    """

    def __init__(self, path: Path, *, forbidden: Iterable[Path]) -> None:
        """Look whether the file can be made; nothing is written.

        Args:
            path: The file to be.
            forbidden: Folders that it may not lie in: the store's and the keys'.

        Raises:
            Refused: There is a file, or one of a run that was cut short, or a folder is
                forbidden.
            FileUnreadable: The folder can't be used.
        """
        if not path.name:
            raise FileUnreadable(f"{path}: not a file name")
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._descriptor: int | None = None
        self._last: dict[str, tuple[int, int]] = {}
        self._has_pins = False
        folder = path.absolute().parent
        require_elsewhere(path, forbidden, real=Path(os.path.realpath(folder), path.name))
        if not folder.is_dir():
            raise FileUnreadable(f"{folder}: there is no such folder")
        try:
            if os.path.lexists(path):
                raise Refused(Rule.FILE_EXISTS, str(path))
            if os.path.lexists(self.part):
                bare = self.part.lstat().st_size <= len(_line(COLUMNS))
                rule = Rule.FILE_WITHOUT_PINS if bare else Rule.FILE_CUT_SHORT
                raise Refused(rule, str(self.part))
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FileUnreadable(f"{folder}: it may not be written to")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; FILE.part goes if no PIN was written into it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            if not self._has_pins:
                with suppress(OSError):
                    self.part.unlink()

    @property
    def kept(self) -> str:
        """FILE.part, if there are PINs in it that may count; else empty."""
        return str(self.part) if self._has_pins else ""

    def begin(self) -> None:
        """Make FILE.part, with nothing but its header.

        Raises:
            FileUnreadable: It can't be made there, or others could read it.
            FileUnwritable: There is no room for it.
            Refused: Another run came first.
        """
        try:
            self._descriptor = os.open(self.part, _NEW, 0o600)
            os.fchmod(self._descriptor, 0o600)
            if os.fstat(self._descriptor).st_mode & 0o077:  # FAT has no modes but the stick's
                raise FileUnreadable(f"{self.path.parent}: others can read every file there")
            self._write([COLUMNS])
            sync_folder(self.path.absolute().parent)
        except FileExistsError:
            raise Refused(Rule.FILE_CUT_SHORT, str(self.part)) from None
        except OSError as error:
            raise self._unusable(self.part, error) from None

    def append(self, rows: Sequence[PinRow]) -> None:
        """Write PINs down; they are on the disk when this returns.

        Raises:
            FileUnwritable: There is no room for them; those before them stay.
        """
        try:
            lines = self._write([tuple(map(harmless, row)) for row in rows])
        except OSError as error:
            raise self._unusable(self.part, error) from None
        self._last = {row.user: line for row, line in zip(rows, lines, strict=True)}
        self._has_pins = True

    def take_back(self, users: Set[str]) -> None:
        """Blank the lines of users who did not get the PIN that was appended last.

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

    def finish(self) -> None:
        """Turn FILE.part into FILE, never over a file that came meanwhile.

        Raises:
            Refused: One did; FILE.part stays.
            FileUnwritable: It can't be done; FILE.part stays.
        """
        self._has_pins = True  # whole, even if nobody got one
        try:
            give_name(self.part, self.path)
            sync_folder(self.path.absolute().parent)
        except FileExistsError:
            raise Refused(Rule.FILE_EXISTS, str(self.path)) from None
        except OSError as error:
            raise self._unusable(self.path, error) from None

    def _open(self) -> int:
        if self._descriptor is None:
            raise RuntimeError("the file has not been begun")
        return self._descriptor

    def _write(self, rows: Iterable[Sequence[str]]) -> list[tuple[int, int]]:
        """Append lines, all of them or none; where each begins, and how long it is."""
        descriptor = self._open()
        first = os.fstat(descriptor).st_size
        encoded = [_line(row) for row in rows]
        ends = [*accumulate(map(len, encoded), initial=first)]
        left = b"".join(encoded)
        try:
            while left:
                left = left[os.pwrite(descriptor, left, ends[-1] - len(left)) :]
            os.fsync(descriptor)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(descriptor, first)
            raise
        return [(start, end - start) for start, end in pairwise(ends)]

    def _unusable(self, path: Path, error: OSError) -> FileUnreadable | FileUnwritable:
        detail = f"{path}: {error.strerror}"
        if self._has_pins:
            return FileUnwritable(detail, kept=self.kept)
        return FileUnwritable(detail) if error.errno in _NO_ROOM else FileUnreadable(detail)


def _line(row: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(row)
    return text.getvalue().encode()
