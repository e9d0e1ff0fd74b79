"""What is done to a store in a folder as a whole: made, looked at, copied, brought back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from pincli.errors import StoreUnavailable
from pincli.files import private
from pincli.models import Fault, Identity, Origin
from pincli.results import Check, Restored, unchecked
from pincli.store.contract import Restorer
from pincli.store.sealing import Sealers
from pincli.store.sqlite import copies
from pincli.store.sqlite.connection import DATABASE, connect, schema_version, too_old_sqlite
from pincli.store.sqlite.copies import is_sound, private_copy
from pincli.store.sqlite.errors import has_no_inodes, translated
from pincli.store.sqlite.leftovers import ASIDE, UNFINISHED, leftovers
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks
from pincli.store.sqlite.lying_about import copies_near, folders_near, is_open_to_others

_LEAST_FREE = 100 * 1024 * 1024
_RESTORE = "restore a backup: pincli restore FILE"
_NEEDED = "3.37 or later is needed, with FTS5"
_OTHER_THAN_DAMAGE = {
    Fault.NEWER: "upgrade pincli on this host; the store is not to blame",
    Fault.BUSY: "another program held it for too long; try again in a moment",
    Fault.FORBIDDEN: "run pincli as the user who owns it",
    Fault.READ_ONLY: "check the permissions, and whether the file system is mounted read-only",
    Fault.FULL: "free some space: it is checked on a copy, and was not",
    Fault.NO_INODES: "remove some files: it is checked on a copy, and was not",
    Fault.OLD_SQLITE: _NEEDED,
}


class SqliteUpkeep:
    """contract.Upkeep in a folder."""

    def __init__(self, folder: Path, marks: Path) -> None:
        self._folder = folder
        self._marks = marks
        self._database = folder / DATABASE

    def exists(self) -> bool:
        """Whether there is a store, or anything in its place."""
        return os.path.lexists(self._database)

    def create(self, identity: Identity, *, sealers: Sealers, origin: Origin) -> None:
        """Make a new store: all of it, or nothing."""
        from pincli.store.sqlite.creation import create_store

        create_store(self._folder, self._marks, identity, sealers=sealers, origin=origin)

    def health(self) -> Iterator[Check]:
        """What doctor says of it; a failed check does not end the others."""
        yield self._sqlite()
        yield private("store folder", self._folder)
        yield self._space()
        yield self._leftovers()
        yield self._backups()
        yield self._lock_file()
        yield self._integrity()

    def back_up(self, path: Path) -> None:
        """Copy the store into a new file, and read the copy back."""
        with closing(connect(self._database)) as connection:
            schema_version(connection, self._database)
            with closing(Locks(self._folder / LOCK_FILE)) as locks:
                copies.back_up(connection, path, locks.writer())

    def stream(self, stream: BinaryIO) -> None:
        """Write a copy of the store to a stream, once the copy was read back."""
        with closing(connect(self._database)) as connection:
            schema_version(connection, self._database)
            with closing(Locks(self._folder / LOCK_FILE)) as locks:
                copies.stream(connection, self._database, locks.writer(), stream)

    def restore(self, backup: Path | BinaryIO | None, restorer: Restorer) -> Restored:
        """Bring a backup back, or take in the present store."""
        from pincli.store.sqlite.restoring import restore

        return restore(backup, self._folder, self._marks, restorer)

    def _sqlite(self) -> Check:
        too_old = too_old_sqlite()
        finding = None if too_old is None else f"{too_old} is too old"
        return Check("SQLite", finding, _NEEDED)

    def _space(self) -> Check:
        try:
            free = shutil.disk_usage(self._folder).free
            needed = max(_LEAST_FREE, self._database.stat().st_size)
        except OSError as error:
            return Check("free space", error.strerror, "check --store")
        if has_no_inodes(self._folder):
            return Check("free space", "no inodes left", "remove some files: writes fail without")
        if free < needed:
            return Check(
                "free space", f"{free // 2**20} MiB left", "free some: writes fail without"
            )
        return Check("free space", None, "")

    def _leftovers(self) -> Check:
        """Whether a restore was killed here, or a backup in a folder nearby."""
        what, again = "leftovers", "the next one there clears it away"
        try:
            nearby = folders_near(self._folder)
        except OSError as error:
            return unchecked(what, f"{error.filename}: {error.strerror}")
        for folder in (self._folder, *nearby):
            found = ", ".join(path.name for path in leftovers(folder, UNFINISHED, ASIDE))
            if found:
                by = "restore" if folder == self._folder else "backup"
                return Check(what, f"a killed {by} left {found} in {folder}", again)
        return Check(what, None, "")

    def _backups(self) -> Check:
        """Whether others may read a backup nearby, or have it with a key."""
        try:
            found = [*copies_near(self._folder, self._marks)]
        except OSError as error:
            return unchecked("backups nearby", f"{error.filename}: {error.strerror}")
        for path in found:
            if is_open_to_others(path):
                return Check("backups nearby", f"others may read {path}", f"chmod 600 {path}")
            if any(path.parent.glob("*.key")):
                finding = f"a key lies beside the backup {path}"
                return Check("backups nearby", finding, "keep them apart: together they open PINs")
        return Check("backups nearby", None, "")

    def _lock_file(self) -> Check:
        try:
            Locks(self._folder / LOCK_FILE).close()
        except StoreUnavailable as error:
            detail = f" ({error.detail})" if error.detail else ""
            finding = f"{error.path}: {error.fault.value}{detail}"
            return Check("lock file", finding, "restore it: touch it 0600")
        return Check("lock file", None, "")

    def _integrity(self) -> Check:
        try:
            self._roll_back()
            with closing(connect(self._database, read_only=True)) as connection:
                schema_version(connection, self._database)
                with (
                    closing(Locks(self._folder / LOCK_FILE)) as locks,
                    private_copy(connection, self._database, locks.writer) as copy,
                ):
                    if is_sound(copy, self._database):
                        return Check("integrity", None, "")
        except StoreUnavailable as error:
            detail = f" ({error.detail})" if error.detail else ""
            hint = _OTHER_THAN_DAMAGE.get(error.fault, _RESTORE)
            return Check("integrity", f"{error.fault.value}{detail}", hint)
        return Check("integrity", "SQLite finds damage", _RESTORE)

    def _roll_back(self) -> None:
        """Undo what a killed writer left half done, as any other command would.

        Its journal is no illness, but nothing can be read by who may not write until then.
        """
        database = self._database
        if database.with_name(f"{database.name}-journal").exists():
            with closing(connect(database)) as connection, translated(database):
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
