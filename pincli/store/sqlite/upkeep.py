"""What is done to a store in a folder as a whole: made, checked, copied, brought back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from pincli.models import Identity, Origin
from pincli.results import Check, Restored
from pincli.store.sealing import Sealers
from pincli.store.sqlite import copies
from pincli.store.sqlite.connection import DATABASE, connect, schema_version
from pincli.store.sqlite.lockfile import LOCK_FILE, Locks
from pincli.store.upkeep import Restorer


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
        from pincli.store.sqlite.health import health

        yield from health(self._folder, self._marks)

    def back_up(self, path: Path) -> None:
        """Copy the store into a new file, and read the copy back."""
        with self._opened() as (connection, locks):
            copies.back_up(connection, path, locks.writer())

    def stream(self, stream: BinaryIO) -> None:
        """Write a copy of the store to a stream, once the copy was read back."""
        with self._opened() as (connection, locks):
            copies.stream(connection, self._database, locks.writer(), stream)

    def restore(self, backup: Path | BinaryIO | None, restorer: Restorer) -> Restored:
        """Bring a backup back, or take in the present store."""
        from pincli.store.sqlite.restore.restore import restore

        return restore(backup, self._folder, self._marks, restorer)

    @contextmanager
    def _opened(self) -> Iterator[tuple[sqlite3.Connection, Locks]]:
        with closing(connect(self._database)) as connection:
            schema_version(connection, self._database)
            with closing(Locks(self._folder / LOCK_FILE)) as locks:
                yield connection, locks
