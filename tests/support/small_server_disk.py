"""A database on a disk that can be filled."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.disks import small_disk_at
from tests.support.postgresql import Database, MakeTemplate, Server

_KIB = 32 * 1024
"""Room for a few empty databases."""


@dataclass(frozen=True)
class SmallDisk:
    """A small disk with a database; the rest of the server is elsewhere.

    Attributes:
        database: The database.
    """

    database: Database
    _folder: Path

    def fill(self) -> None:
        """Fill the disk. Tables still have room in their last pages."""
        with suppress(OSError), open(self._folder / "filler", "ab", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def free(self) -> None:
        """Make room again."""
        (self._folder / "filler").unlink()


@contextmanager
def small_disk(server: Server, make: MakeTemplate) -> Iterator[SmallDisk]:
    """Make a database on a small disk. Mounting needs root: mark the test `system`."""
    name = f"small_{secrets.token_hex(4)}"
    with small_disk_at(server.folder / name, _KIB) as folder:
        shutil.chown(folder, server.data.owner(), server.data.group())
        server.sql(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
        database = server.database(make, tablespace=name)
        try:
            yield SmallDisk(database, folder)
        finally:
            database.drop()
            server.sql(f"DROP TABLESPACE {name}")
