"""Upkeep of a store on a server. Backups are the DBA's work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pincli.errors import UsageProblem
from pincli.models import Identity, Origin
from pincli.results import Check, Restored
from pincli.store.location import Server
from pincli.store.postgresql.creation import create_store, has_store
from pincli.store.sealing import Sealers
from pincli.store.upkeep import Restorer


class PostgresUpkeep:
    """contract.Upkeep on a server."""

    def __init__(self, server: Server, marks: Path) -> None:
        self._server = server
        self._marks = marks

    def exists(self) -> bool:
        """Whether there is a store."""
        return has_store(self._server)

    def create(self, identity: Identity, *, sealers: Sealers, origin: Origin) -> None:
        """Make a new store: all of it, or nothing."""
        create_store(self._server, self._marks, identity, sealers=sealers, origin=origin)

    def health(self) -> Iterator[Check]:
        """Yield doctor's checks; a failed one does not end the others."""
        from pincli.store.postgresql.health import health

        yield from health(self._server)

    def back_up(self, path: Path) -> None:
        """Refuse, by UsageProblem: the DBA makes backups of a server."""
        raise UsageProblem(
            "pincli does not back up a database on a server", "its DBA does, by pg_dump or PITR"
        )

    def stream(self, stream: BinaryIO) -> None:
        """Refuse, as `back_up` does."""
        self.back_up(Path("-"))

    def restore(self, backup: Path | BinaryIO | None, restorer: Restorer) -> Restored:
        """Take in the present store, after its DBA has restored it.

        Raises:
            UsageProblem: A backup is named.
        """
        if backup is not None:
            raise UsageProblem(
                "pincli does not bring back a database on a server",
                "its DBA does; then `pincli restore`, without a file, takes it in",
            )
        from pincli.store.postgresql.restoring import restore

        return restore(self._server, self._marks, restorer)
