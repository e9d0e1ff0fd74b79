"""A server whose databases' disk is full."""

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
    """A disk with a database on it; the rest of the server is elsewhere.

    Attributes:
        database: What is on it.
    """

    database: Database
    _folder: Path

    def fill(self) -> None:
        """Leave room for nothing more. A table still has what is left of its last page."""
        with suppress(OSError), open(self._folder / "filler", "ab", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def free(self) -> None:
        """Make room again."""
        (self._folder / "filler").unlink()


@contextmanager
def small_disk(server: Server, make: MakeTemplate) -> Iterator[SmallDisk]:
    """A database on a small disk of its own. Mounting takes root: mark the test `system`."""
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
