"""A proxy to a database that delays, counts flights, and loses an answer when a test asks."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from tests.support.postgresql import PORT, Database

_FLUSH = b"H\0\0\0\4"


class Proxy:
    """The state that all connections through one socket share.

    Attributes:
        database: The database, reached through the proxy.
        flights: How often a client sent and then waited. Without a delay, a client that sends in
            pieces may be counted twice, so count with a delay of 5 ms or more.
        lost: How many answers were lost.
    """

    def __init__(self, database: Database, folder: Path, delay: float) -> None:
        self.database = database.through(folder)
        self.flights = 0
        self.lost = 0
        self._to = str(database.socket / f".s.PGSQL.{PORT}")
        self._delay = delay
        self._unsent = self._unanswered = 0
        self._rest = True
        self._ends: set[_End] = set()

    def lose_answer(self, commit: int = 1, *, rest: bool = True) -> None:
        """Break a connection once, after a COMMIT and before its answer arrives.

        Args:
            commit: The number of the COMMIT, counted over all connections from now on.
            rest: Whether the server gets what the client has sent after it.
        """
        self._unsent = self._unanswered = commit
        self._rest = rest

    def cut(self) -> None:
        """Break all open connections."""
        self._loop.call_soon_threadsafe(self._abort)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Accept connections, in a thread."""
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _listen(self) -> None:
        path = self.database.socket / f".s.PGSQL.{PORT}"
        self._listener = await self._loop.create_unix_server(lambda: _Client(self), path)
        path.chmod(0o777)

    async def _close(self) -> None:
        self._listener.close()
        while self._ends:
            self._abort()
            await asyncio.sleep(0)

    def _abort(self) -> None:
        for end in self._ends:
            end.transport.abort()

    def is_last_to_send(self) -> bool:
        """Whether the server gets nothing after this COMMIT."""
        self._unsent -= 1
        return self._unsent == 0 and not self._rest

    def is_to_lose(self) -> bool:
        """Whether to lose the answer to this COMMIT."""
        self._unanswered -= 1
        if self._unanswered != 0:
            return False
        self.lost += 1
        return True


class _End(asyncio.Protocol):
    """One end of a connection; the other end repeats its bytes after the delay."""

    transport: asyncio.Transport
    other: _End
    answered = True

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.proxy._ends.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.proxy._ends.discard(self)
        if hasattr(self, "other"):
            self.later(self.other.transport.close)

    def later(self, what: Callable[..., None], *arguments: object) -> None:
        """Call something after the delay, in order."""
        self.proxy._loop.call_later(self.proxy._delay, what, *arguments)

    def say(self, data: bytes) -> None:
        """Write, unless the connection is broken."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def messages(self, typed: bool = True) -> Iterator[bytes]:
        """Yield the complete messages received: a letter, a length, a body."""
        while len(self.heard) >= typed + 4:
            size = typed + int.from_bytes(self.heard[typed : typed + 4], "big")
            if len(self.heard) < size:
                return
            message, self.heard = self.heard[:size], self.heard[size:]
            yield message


class _Client(_End):
    """The client's end."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self.started = self.committing = self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self.connecting = self.proxy._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self.proxy._loop.create_unix_connection(
                lambda: _Server(self.proxy, self), self.proxy._to
            )
        except OSError:
            self.transport.abort()
        else:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if self.answered and not data.startswith(b"X"):  # closing a connection awaits no answer
            self.answered = False
            self.proxy.flights += 1
        passed = b""
        if not self.started:
            passed = next(self.messages(typed=False), b"")  # the first message has no letter
            self.started = bool(passed)
        for message in self.messages() if self.started else ():
            passed += b"" if self.ended else message
            if self._is_commit(message) and self.proxy.is_last_to_send():
                passed += _FLUSH  # without a Sync the server would keep its answer
                self.ended = True
        if passed:
            self.later(self.other.say, passed)

    def _is_commit(self, message: bytes) -> bool:
        kind, commits = message[:1], b"\0COMMIT\0" in b"\0" + message[5:]
        if kind == b"P":
            self.committing = commits
        return (kind == b"Q" and commits) or (kind == b"E" and self.committing)


class _Server(_End):
    """The server's end."""

    def __init__(self, proxy: Proxy, client: _Client) -> None:
        super().__init__(proxy)
        self.other = client
        client.other = self

    def data_received(self, data: bytes) -> None:
        if self.other.transport.is_closing():
            return
        self.heard += data
        passed = b""
        for message in self.messages():
            if message.startswith(b"C") and message[5:] == b"COMMIT\0" and self.proxy.is_to_lose():
                self.later(self._answer, passed)
                self.later(self.other.transport.close)
                self.later(self.transport.close)
                self.data_received = lambda data: None  # type: ignore[method-assign]
                return
            passed += message
        self.later(self._answer, passed)

    def _answer(self, data: bytes) -> None:
        if data:
            self.other.answered = True
            self.other.say(data)


@contextmanager
def proxied(database: Database, delay: float = 0) -> Iterator[Proxy]:
    """Put a proxy in front of a database; each direction takes `delay` seconds."""
    folder = database.server.servers.folder / f"proxy-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o755)
    proxy = Proxy(database, folder, delay)
    try:
        with proxy.running():
            yield proxy
    finally:
        shutil.rmtree(folder)
