"""A connection to a server that is kept from one store to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pincli.store.postgresql.connection import Connection


class KeptConnection:
    """What a shift keeps open while its sessions come and go.

    A new connection takes five round trips and a process of the server's, in which the first
    verify takes twice as long as those that follow. Stores in folders keep nothing.
    """

    def __init__(self) -> None:
        self._connection: Connection | None = None

    @property
    def is_there(self) -> bool:
        """Whether the next store gets a connection that was there before."""
        return self._connection is not None

    def keep(self, connection: Connection) -> None:
        """Keep a connection that its store has done with."""
        self._connection = connection

    def take(self) -> Connection | None:
        """The connection that was kept, for the next store."""
        connection, self._connection = self._connection, None
        return connection

    def close(self) -> None:
        """Keep nothing: the next use connects again."""
        connection = self.take()
        if connection is not None:
            connection.close()
