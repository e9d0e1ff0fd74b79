"""An output file that is whole or not there: FILE.part during writing, FILE at the end.

`write` returns once the lines are on the disk. FILE never replaces another file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Self

from pincli.errors import FileUnreadable, FileUnwritable, Refused, Rule
from pincli.files import give_name, sync_folder
from pincli.operations.named_files import require_elsewhere

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputFile:
    """A file that is being written. Closed before it is worth keeping, it is removed.

    Attributes:
        path: FILE.
        part: FILE.part.
    """

    _unfinished = Rule.FILE_EXISTS
    """Why an existing FILE.part is not replaced."""

    def __init__(self, path: Path, *, forbidden: Iterable[Path]) -> None:
        """Check whether the file can be made; nothing is written yet.

        Raises:
            Refused: FILE or FILE.part exists, or the folder is forbidden.
            FileUnreadable: The folder can't be used.
        """
        if not path.name or str(path) == "-":  # elsewhere that means stdout
            raise FileUnreadable(f"{path}: not a file name")
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._descriptor: int | None = None
        self._keeps = False
        folder = path.absolute().parent
        require_elsewhere(path, forbidden, real=Path(os.path.realpath(folder), path.name))
        if not folder.is_dir():
            raise FileUnreadable(f"{folder}: this folder does not exist")
        try:
            if os.path.lexists(path):
                raise Refused(Rule.FILE_EXISTS, str(path))
            if os.path.lexists(self.part):
                self._meet_part()
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FileUnreadable(f"{folder}: it can't be written to")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and remove FILE.part unless it is worth keeping."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            if not self._keeps:
                with suppress(OSError):
                    self.part.unlink()

    @property
    def is_begun(self) -> bool:
        """Whether there is a FILE.part."""
        return self._descriptor is not None

    @property
    def kept(self) -> str:
        """FILE.part, if an error has to name it; else empty."""
        return ""

    def begin(self, first: bytes) -> None:
        """Make FILE.part, with its first line.

        Raises:
            FileUnreadable: It can't be made there, or others could read it.
            FileUnwritable: There is no room for it.
            Refused: Another run came first.
        """
        try:
            self._descriptor = os.open(self.part, _NEW, 0o600)
            os.fchmod(self._descriptor, 0o600)
            if os.fstat(self._descriptor).st_mode & 0o077:  # FAT has one mode for the whole disk
                raise FileUnreadable(f"{self.path.parent}: others can read every file there")
            self.write([first])
            sync_folder(self.path.absolute().parent)
        except FileExistsError:
            raise Refused(self._unfinished, str(self.part)) from None
        except OSError as error:
            raise self._unusable(self.part, error) from None

    def write(self, lines: Sequence[bytes]) -> list[tuple[int, int]]:
        """Write lines, all or none; return each one's position and length.

        Raises:
            FileUnwritable: There is no room for them; earlier lines stay.
        """
        descriptor = self._open()
        first = os.fstat(descriptor).st_size
        ends = [*accumulate(map(len, lines), initial=first)]
        left = b"".join(lines)
        try:
            try:
                while left:
                    left = left[os.pwrite(descriptor, left, ends[-1] - len(left)) :]
                os.fsync(descriptor)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(descriptor, first)
                raise
        except OSError as error:
            raise self._unusable(self.part, error) from None
        return [(start, end - start) for start, end in pairwise(ends)]

    def finish(self) -> None:
        """Rename FILE.part to FILE, but never over a file that was made meanwhile.

        Raises:
            Refused: There is one; FILE.part stays.
            FileUnwritable: It can't be renamed; FILE.part stays.
        """
        self._keeps = True
        try:
            give_name(self.part, self.path)
            sync_folder(self.path.absolute().parent)
        except FileExistsError:
            raise Refused(Rule.FILE_EXISTS, str(self.path)) from None
        except OSError as error:
            raise self._unusable(self.path, error) from None

    def _meet_part(self) -> None:
        """Refuse or remove an existing FILE.part."""
        raise Refused(self._unfinished, str(self.part))

    def _open(self) -> int:
        if self._descriptor is None:
            raise RuntimeError("the file has not been begun")
        return self._descriptor

    def _unusable(self, path: Path, error: OSError) -> FileUnreadable | FileUnwritable:
        detail = f"{path}: {error.strerror}"
        if self._keeps:
            return FileUnwritable(detail, kept=self.kept)
        return FileUnwritable(detail) if error.errno in _NO_ROOM else FileUnreadable(detail)
