"""Connections that tests keep from one session to the next.

A new one costs the server a process, a log-in, and compiling the functions.
"""

from __future__ import annotations

import os
from typing import Any

from pincli.store.opening import ConnectionCache


class KeptConnections(ConnectionCache):
    """What a desk has, for sessions within each other and in several threads too."""

    def __init__(self) -> None:
        super().__init__()
        self._idle: list[Any] = []
        self._owner = os.getpid()

    def put(self, connection: Any) -> None:
        """Keep a connection."""
        self._idle.append(connection)

    def take(self) -> Any | None:
        """Return a connection that is kept, but none of another process."""
        return self._idle.pop() if self._idle and self._owner == os.getpid() else None

    def close(self) -> None:
        """Close all that are kept."""
        while (connection := self.take()) is not None:
            connection.close()
