"""The file that hands new PINs over: complete or absent, and never a PIN that nobody has.

First FILE.part is written whole, with the id of its batch, and synced. Then PINs go into
the store, each marked with that id in the same transaction. Then FILE.part becomes FILE.
After a kill the same command reads FILE.part and does what is missing.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import stat
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pincli.errors import FileUnreadable, MalformedName, MalformedPin, Refused, Rule
from pincli.rules.names import canonical_user
from pincli.rules.pins import generate, require_well_formed

COLUMNS = ("user", "account", "name", "pin", "batch")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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

    Attributes:
        batch: The id that marks, in the store, who has got the PIN that stands here.
    """

    def __init__(self, path: Path, *, forbidden: Iterable[Path]) -> None:
        """Look at what is there already.

        Args:
            path: The file to be.
            forbidden: Folders that it may not lie in: the store's and the keys'.

        Raises:
            Refused: There is a file, or FILE.part is none of ours, or a folder is forbidden.
            FileUnreadable: The folder can't be used.
        """
        if not path.name:
            raise FileUnreadable(f"{path}: that is no file's name")
        self.path = path
        self.part = path.with_name(path.name + ".part")
        folder = path.absolute().parent.resolve()
        for secret in forbidden:
            if secret.resolve() in (folder, *folder.parents):
                raise Refused(Rule.FILE_AMONG_SECRETS, str(path))
        if os.path.lexists(path):
            raise Refused(Rule.FILE_EXISTS, str(path))
        if not folder.is_dir():
            raise FileUnreadable(f"{folder}: there is no such folder")
        self.batch, self._known = self._read_part()
        self.resumed = bool(self._known)
        self.batch = self.batch or os.urandom(8).hex()

    def knows(self, user: str) -> bool:
        """Whether a run before this one wrote down a PIN for a user."""
        return user in self._known

    def pin_for(self, user: str) -> str:
        """The PIN that a run before this one wrote down for a user, or a new one."""
        return self._known.get(user) or generate()

    def write(self, rows: Iterable[PinRow]) -> None:
        """Write FILE.part whole, synced before its name appears.

        Raises:
            FileUnreadable: It can't be written; nothing has changed.
            Refused: A run before this one wrote down PINs for others too: somebody may have
                got one that would then be lost.
        """
        building = self.part.with_name(f"{self.part.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(building, flags, 0o600), "w", encoding="utf-8", newline="") as f:
                writer = csv.writer(f)
                writer.writerow(COLUMNS)
                lost = set(self._known)
                for row in rows:
                    lost.discard(row.user)
                    writer.writerow(
                        (row.user, row.account, _harmless(row.name), row.pin, self.batch)
                    )
                if lost:
                    raise Refused(Rule.FILE_OF_ANOTHER_RESET, str(self.part))
                f.flush()
                os.fsync(f.fileno())
            building.rename(self.part)
            self._sync_folder()
        except OSError as error:
            _remove(building)
            raise FileUnreadable(f"{self.part}: {error.strerror}") from None
        except BaseException:
            _remove(building)
            raise

    def drop(self, users: Set[str]) -> None:
        """Write FILE.part anew without the lines of users who got no PIN after all."""
        with self._open_part() as file:
            kept = [
                PinRow(row["user"], row["account"], row["name"], row["pin"])
                for row in csv.DictReader(file)
                if row["user"] not in users
            ]
        self._known.clear()
        self.write(kept)

    def rows(self) -> Iterator[tuple[str, str]]:
        """User and PIN of every line of FILE.part."""
        with self._open_part() as file:
            for row in csv.DictReader(file):
                yield row["user"], row["pin"]

    def finish(self) -> None:
        """Turn FILE.part into FILE, never over a file that came meanwhile.

        Raises:
            Refused: One did; FILE.part stays.
            FileUnreadable: It can't be done; FILE.part stays.
        """
        try:
            os.link(self.part, self.path, follow_symlinks=False)
            self._sync_folder()
            self.part.unlink()
        except FileExistsError:
            raise Refused(Rule.FILE_EXISTS, str(self.path)) from None
        except OSError as error:
            raise FileUnreadable(f"{self.path}: {error.strerror}") from None

    def _read_part(self) -> tuple[str, dict[str, str]]:
        """The batch and the PINs in a FILE.part that a killed run left; empty if there is none."""
        if not os.path.lexists(self.part):
            return "", {}
        try:
            with self._open_part() as file:
                rows = list(csv.DictReader(file))
            batches = {row["batch"] for row in rows}
            pins = {canonical_user(row["user"]): row["pin"] for row in rows}
            for pin in pins.values():
                require_well_formed(pin)
        except (KeyError, TypeError, csv.Error, UnicodeError, MalformedName, MalformedPin):
            raise Refused(Rule.FILE_NOT_OURS, str(self.part)) from None
        if len(batches) > 1 or not pins:
            raise Refused(Rule.FILE_NOT_OURS, str(self.part))
        return batches.pop(), pins

    def _open_part(self) -> io.TextIOWrapper:
        try:
            descriptor = os.open(
                self.part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            )
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Refused(Rule.FILE_NOT_OURS, str(self.part)) from None
            raise FileUnreadable(f"{self.part}: {error.strerror}") from None
        facts = os.fstat(descriptor)
        # Somebody else's file here would make us hand out PINs that they chose.
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
            os.close(descriptor)
            raise Refused(Rule.FILE_NOT_OURS, str(self.part))
        return os.fdopen(descriptor, encoding="utf-8", newline="")

    def _sync_folder(self) -> None:
        descriptor = os.open(self.path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a file if it is there; a path that no file can have is no reason to fail."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _harmless(text: str) -> str:
    """A field that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
