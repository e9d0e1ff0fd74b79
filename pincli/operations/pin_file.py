"""The file that hands new PINs over: complete or absent, and never a PIN that nobody has.

One file goes through three names, and each name that it gets says what is true by then:

    what lies there             what it means                     the same command again
    --------------------------  --------------------------------  ---------------------------
    nothing                     nothing has begun                 begins
    FILE.part.new               half-written, no PIN of it counts begins, over it
    FILE.part                   whole and synced; the store marks keeps all PINs in it, and
                                whose PIN of it counts            gives the others theirs
    FILE.part, FILE.part.new    the same, being written anew      the same
    FILE, with marks            whole, everybody has their PIN    only clears the marks away
    FILE                        done                              is refused

So a kill leaves one of these, wherever it comes. The store's marks name the batch, which
stands in every row. FILE.part is written anew with users who came since the kill, and at the
end without those who have no PIN, or another, after all.

Whoever writes holds a lock on the file, which goes with it from name to name and ends with
the process: two runs never share a FILE.part, and what nobody has locked, a dead one left.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from pincli.errors import (
    FileUnreadable,
    FileUnwritable,
    MalformedName,
    MalformedPin,
    Refused,
    Rule,
)
from pincli.operations.naming import drop_second_name, give_name
from pincli.operations.places import require_elsewhere
from pincli.rules.names import canonical_user
from pincli.rules.pins import generate, require_well_formed

COLUMNS = ("user", "account", "name", "pin", "batch")
_HEADER = (",".join(COLUMNS) + "\r\n").encode()
_NAMED_AT_MOST = 3

# Where a cell begins, be it only for a spreadsheet that parts cells by semicolons, and what a
# formula begins with; the wide ones are read as such in East Asian locales.
_FORMULA = re.compile("(^|[;|\t])(?=\\s*[=+\\-@\t\r＝＋－＠])")  # noqa: RUF001
_NO_FILE_OF_OURS = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class PinRow(NamedTuple):
    """One line of the file; its repr does not show the PIN."""

    user: str
    account: str
    name: str
    pin: str

    def __repr__(self) -> str:
        return f"PinRow({self.user!r})"


class PinFile:
    """One file of PINs on its way.

    The lock is POSIX's: a process has it once, and loses it with the first descriptor of the
    file that it closes. Hence the one descriptor, by which everything is read too.

    Attributes:
        path: FILE.
        part: FILE.part.
        batch: The id that marks, in the store, who has got the PIN that stands here.
        resumed: Whether a run before this one left FILE.part.
        complete: Whether there is a FILE of ours: finished but for its marks, if it has any.
    """

    def __init__(self, path: Path, *, forbidden: Iterable[Path]) -> None:
        """Look at what is there already, and take it over; nothing is written.

        Args:
            path: The file to be.
            forbidden: Folders that it may not lie in: the store's and the keys'.

        Raises:
            Refused: There is a file that is none of ours, or in FILE.part's place, or
                another run is writing it, or a folder is forbidden.
            FileUnreadable: The folder can't be used.
        """
        if not path.name:
            raise FileUnreadable(f"{path}: that is no file's name")
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self._building = path.with_name(f"{path.name}.part.new")
        self._descriptor: int | None = None
        folder = path.absolute().parent
        require_elsewhere(path, forbidden, real=Path(os.path.realpath(folder), path.name))
        if not folder.is_dir():
            raise FileUnreadable(f"{folder}: there is no such folder")
        try:
            drop_second_name(self._building, self.part)
            drop_second_name(self.part, path)
            self.complete = os.path.lexists(path)
            self.resumed = not self.complete and os.path.lexists(self.part)
        except OSError as error:
            raise FileUnreadable(f"{path}: {error.strerror}") from None
        self.batch, self._known = self._take_over()
        self.batch = self.batch or os.urandom(8).hex()
        if not self.complete and not os.access(folder, os.W_OK | os.X_OK):
            raise FileUnreadable(f"{folder}: it may not be written to")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, and of its lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def knows(self, user: str) -> bool:
        """Whether a run before this one wrote down a PIN for a user."""
        return user in self._known

    def pin_for(self, user: str) -> str:
        """The PIN that a run before this one wrote down for a user, or a new one."""
        return self._known.get(user) or generate()

    def write(self, rows: Iterable[PinRow]) -> None:
        """Write FILE.part whole, synced before its name appears.

        Raises:
            FileUnreadable: It can't be written there; nothing has changed.
            FileUnwritable: There is no room for it.
            Refused: Another run came first; or one before this wrote down PINs for others
                too: somebody may have got one that would then be lost.
        """
        self._put(self._with_everybody(rows))

    def drop(self, users: Set[str]) -> None:
        """Write FILE.part anew without the lines of users who don't have the PIN in it.

        Raises:
            FileUnwritable: It can't be done; FILE.part stays as it is.
        """
        self._put(PinRow(*fields[:-1]) for fields in self._lines() if fields[0] not in users)

    def rows(self) -> Iterator[tuple[str, str]]:
        """User and PIN of every line of the file; one reading at a time."""
        for user, _, _, pin, _ in self._lines():
            yield user, pin

    def finish(self) -> None:
        """Turn FILE.part into FILE, never over a file that came meanwhile.

        Raises:
            Refused: One did; FILE.part stays.
            FileUnwritable: It can't be done; FILE.part stays.
        """
        try:
            give_name(self.part, self.path)
            self._sync_folder()
        except FileExistsError:
            raise Refused(Rule.FILE_EXISTS, str(self.path)) from None
        except OSError as error:
            raise self._unusable(self.path, error) from None

    def _take_over(self) -> tuple[str, dict[str, str]]:
        """The batch and the PINs in what a run before this one left; empty if it left nothing."""
        if self.complete:
            try:
                return self._read(self.path)
            except (Refused, FileUnreadable):
                raise Refused(Rule.FILE_EXISTS, str(self.path)) from None
        return self._read(self.part) if self.resumed else ("", {})

    def _read(self, path: Path) -> tuple[str, dict[str, str]]:
        self._descriptor = _open(path)
        try:
            _lock(self._descriptor, path)
            lines = list(self._lines())
            pins = {canonical_user(fields[0]): fields[3] for fields in lines}
            batches = {fields[4] for fields in lines}
            for pin in pins.values():
                require_well_formed(pin)
            if len(pins) < len(lines) or len(batches) > 1 or "" in batches:
                raise Refused(Rule.FILE_NOT_OURS, str(path))
        except (csv.Error, UnicodeError, MalformedName, MalformedPin):
            self.close()
            raise Refused(Rule.FILE_NOT_OURS, str(path)) from None
        except OSError as error:
            self.close()
            raise FileUnreadable(f"{path}: {error.strerror}") from None
        except BaseException:
            self.close()
            raise
        return "".join(batches), pins

    def _lines(self) -> Iterator[list[str]]:
        """The fields of every line but the header."""
        if self._descriptor is None:
            raise RuntimeError("nothing has been written")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with open(self._descriptor, encoding="utf-8", newline="", closefd=False) as file:
            reader = csv.reader(file)
            if next(reader, None) != [*COLUMNS]:
                raise Refused(Rule.FILE_NOT_OURS, str(self.part))
            for fields in reader:
                if len(fields) != len(COLUMNS):
                    raise Refused(Rule.FILE_NOT_OURS, str(self.part))
                yield fields

    def _with_everybody(self, rows: Iterable[PinRow]) -> Iterator[PinRow]:
        """The rows; an error at the end if somebody who is known is not among them."""
        lost = dict.fromkeys(self._known)
        for row in rows:
            lost.pop(row.user, None)
            yield row
        if lost:
            names = ", ".join([*lost][:_NAMED_AT_MOST])
            more = ", ..." if len(lost) > _NAMED_AT_MOST else ""
            raise Refused(Rule.FILE_OF_ANOTHER_RESET, f"{self.part} ({names}{more})")

    def _put(self, rows: Iterable[PinRow]) -> None:
        """Write rows and call them FILE.part, in place of the one that we have, if any."""
        try:
            descriptor = self._build(rows)
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = descriptor
            self._sync_folder()
        except FileExistsError:
            raise Refused(Rule.FILE_IN_USE, str(self.part)) from None
        except OSError as error:
            raise self._unusable(self.part, error) from None

    def _build(self, rows: Iterable[PinRow]) -> int:
        descriptor = _open(self._building, os.O_CREAT)
        try:
            _lock(descriptor, self._building)
            if not _HEADER.startswith(os.pread(descriptor, len(_HEADER), 0)):
                raise Refused(Rule.FILE_NOT_OURS, str(self._building))
        except BaseException:
            os.close(descriptor)
            raise
        try:
            os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, 0o600)
            with open(descriptor, "w", encoding="utf-8", newline="", closefd=False) as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                for row in rows:
                    fields = row._replace(name=_harmless(row.name))
                    writer.writerow((*fields, self.batch))
            os.fsync(descriptor)
            if self._descriptor is None:
                give_name(self._building, self.part)
            else:
                self._building.rename(self.part)
        except BaseException:
            with suppress(OSError):
                self._building.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return descriptor

    def _unusable(self, path: Path, error: OSError) -> FileUnreadable | FileUnwritable:
        detail = f"{path}: {error.strerror}"
        if self._descriptor is not None:
            return FileUnwritable(detail, kept=str(self.part))
        return FileUnwritable(detail) if error.errno in _NO_ROOM else FileUnreadable(detail)

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _open(path: Path, flags: int = 0) -> int:
    """Open a file of ours, through no link; somebody else's would choose the PINs for us.

    Raises:
        Refused: It is none.
        FileUnreadable: It can't be opened.
        OSError: It can't be made.
    """
    flags |= os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno in _NO_FILE_OF_OURS:
            raise Refused(Rule.FILE_NOT_OURS, str(path)) from None
        if flags & os.O_CREAT:
            raise
        raise FileUnreadable(f"{path}: {error.strerror}") from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
        os.close(descriptor)
        raise Refused(Rule.FILE_NOT_OURS, str(path))
    return descriptor


def _lock(descriptor: int, path: Path) -> None:
    """Lock an open file for as long as it stays open.

    Raises:
        Refused: Another run has it, or had it until now, and went on with it.
        OSError: It can't be locked there.
    """
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        still_there = os.path.samestat(os.fstat(descriptor), path.lstat())
    except (BlockingIOError, PermissionError, FileNotFoundError):
        still_there = False
    if not still_there:
        raise Refused(Rule.FILE_IN_USE, str(path))


def _harmless(text: str) -> str:
    """A field no part of which a spreadsheet runs as a formula."""
    return _FORMULA.sub("\\1'", text)
