"""A connection to a server that is kept from one store to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pincli.store.postgresql.connection import Connection


class Line:
    """What a shift keeps open while its sessions come and go.

    A new connection takes five round trips and a process of the server's, in which the first
    verify takes twice as long as those that follow. Stores in folders keep nothing.
    """

    def __init__(self) -> None:
        self._kept: Connection | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the next store gets a connection that was there before."""
        return self._kept is not None

    def keep(self, connection: Connection) -> None:
        """Keep a connection that its store has done with."""
        self._kept = connection

    def take(self) -> Connection | None:
        """The connection that was kept, for the next store."""
        kept, self._kept = self._kept, None
        return kept

    def close(self) -> None:
        """Keep nothing: what comes next connects anew."""
        kept = self.take()
        if kept is not None:
            kept.close()
