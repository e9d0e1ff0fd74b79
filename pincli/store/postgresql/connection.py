"""A connection to the server: making it, waiting for answers, and pipelined statements.

No session state is used, so it works through a pooler in transaction mode. Nothing is ever
cancelled: a COMMIT that is cancelled while it waits for a standby reports success. After the
longest wait the connection is closed instead.
"""

from __future__ import annotations

import logging
import re
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import cycle
from threading import Thread
from typing import Any, TypeVar

import psycopg
from psycopg import Pipeline, pq
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import Diagnostic
from psycopg.waiting import Wait

from pincli.store.location import Server

LONGEST_WAIT = 10.0
"""Seconds to wait for the server, in all, until a transaction commits."""

Parameters = Sequence[Any]
Cursor = psycopg.Cursor[tuple[Any, ...]]
Settings = dict[str, str]

# The location, a service file and the environment override these.
_DEFAULTS = {
    "target_session_attrs": "read-write",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_UNSET = ("", "any")
# libpq rejects the first value after it has collected all its settings, before it connects. With a
# password it looks at no password file, or it would warn about one that others can read twice.
_IMPOSSIBLE = {"gssencmode": "-", "password": "-"}
# The SQLSTATEs of the warning that a COMMIT stopped waiting for a standby.
_IN_DOUBT = ("01000", "57P01")
_EVENTS = {
    Wait.R: select.POLLIN,
    Wait.W: select.POLLOUT,
    Wait.RW: select.POLLIN | select.POLLOUT,
}

_IS_ADDRESS = re.compile(r"[/@]|[0-9.]+$|.*:")
"""A socket or an IP address, which needs no look-up."""

_V = TypeVar("_V")

# psycopg would log errors that are raised and shown anyway.
logging.getLogger("psycopg").addHandler(logging.NullHandler())
logging.getLogger("psycopg").propagate = False


class NotConnected(psycopg.OperationalError):
    """No connection could be made; the text is what libpq and the servers say."""


class WaitedTooLong(psycopg.OperationalError):
    """The server did not answer in time. The connection is closed."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits a limited time for answers.

    Attributes:
        patience: The seconds left to wait.
        renews: Whether the next answer restores the full patience.
        in_doubt: The server's warning that a commit may not last; the caller resets it.
    """

    def __init__(self, pgconn: pq.abc.PGconn, patience: float = LONGEST_WAIT) -> None:
        super().__init__(pgconn)
        self.patience = patience
        self.renews = False
        self.in_doubt = ""
        self.autocommit = True  # BEGIN and COMMIT are statements like any other
        self.prepare_threshold = None
        self.add_notice_handler(self._take_notice)

    def wait(self, gen: PQGen[_V], *_: object, **__: object) -> _V:
        """Wait for the server as psycopg asks, as long as the patience lasts.

        Any other end, such as a signal, closes the connection; psycopg would cancel the statement.

        Raises:
            WaitedTooLong: The patience has run out.
        """
        began = time.monotonic()
        try:
            wanted, descriptor = next(gen), self.pgconn.socket
            while True:
                left = self.patience - (time.monotonic() - began)
                ready = _ready(descriptor, wanted, left)
                if not ready:
                    raise WaitedTooLong(_timeout_message(LONGEST_WAIT))
                if self.renews and ready & Wait.R:
                    self.patience, began, self.renews = LONGEST_WAIT, time.monotonic(), False
                wanted = gen.send(ready)
        except StopIteration as end:
            value: _V = end.value
            return value
        except BaseException as error:
            if isinstance(error, WaitedTooLong) or not isinstance(error, psycopg.Error):
                self.close()
            with suppress(psycopg.Error):  # closing it can raise once more
                gen.close()
            raise
        finally:
            self.patience = max(self.patience - (time.monotonic() - began), 0)

    @contextmanager
    def pipeline(self) -> Iterator[Pipeline]:
        """Send statements without waiting for each; the end waits for all answers.

        Nothing is sent after the Sync at the end. psycopg would send a Flush. By then PgBouncer may
        have taken its connection to the server back. It uses another one for the Flush, and waits
        for an answer that never comes.
        """
        with super().pipeline() as pipeline:
            pipeline._exit_gen = partial(_synced, pipeline)  # type: ignore[method-assign]
            yield pipeline

    def flight(self, *statements: tuple[str, Parameters]) -> list[Cursor]:
        """Send statements at once, and wait once for all their answers.

        Without a BEGIN among them, they are one transaction.
        """
        with self.pipeline():
            return [self.execute(text.encode(), values) for text, values in statements]

    def is_dead(self) -> bool:
        """Whether the server has closed the idle connection; nothing is sent."""
        with suppress(psycopg.Error):
            while not self.closed and _ready(self.pgconn.socket, Wait.R, 0):
                self.pgconn.consume_input()
        return self.closed

    def clear(self) -> None:
        """Roll back an open transaction, or close the connection if that fails."""
        try:
            if not self.closed and self.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                self.execute(b"ROLLBACK")
        except psycopg.Error:
            self.close()

    def _take_notice(self, notice: Diagnostic) -> None:
        if notice.sqlstate in _IN_DOUBT:
            self.in_doubt = notice.message_primary or notice.sqlstate


def connect(server: Server, patience: float = LONGEST_WAIT) -> Connection:
    """Connect to a server, or to the first of several that takes writes.

    Several hosts share the time, since the first one may be down and silent.

    Args:
        server: The location. For what it leaves out, service file, environment and password file
            count, as in every program that uses libpq.
        patience: Seconds to wait, for the connection and then for answers.

    Raises:
        NotConnected: No host could be reached.
        psycopg.Error: The location is malformed.
    """
    began = time.monotonic()
    settings = _settings(server)
    written = conninfo_to_dict(server.address)
    ours = {
        name: value
        for name, value in _DEFAULTS.items()
        if settings[name] in _UNSET and name not in written
    }
    ours |= {"fallback_application_name": "pincli", "client_encoding": "UTF8"}
    hosts = _hosts(settings)
    wanted = settings["connect_timeout"]
    share = min(
        float(wanted) if wanted.isdigit() and int(wanted) else patience, patience / len(hosts)
    )
    messages = []
    for host in hosts:
        try:
            pgconn = _connect_to_host(server, {**ours, **host}, share)
        except NotConnected as error:
            messages.append(str(error))
        else:
            return Connection(pgconn, max(patience - (time.monotonic() - began), 0))
    raise NotConnected("\n".join(dict.fromkeys(messages)))


def _settings(server: Server) -> Settings:
    """Return all of libpq's settings for a server, from every source."""
    pgconn = pq.PGconn.connect_start(make_conninfo(server.address, **_IMPOSSIBLE).encode())
    settings = {option.keyword.decode(): (option.val or b"").decode() for option in pgconn.info}
    if not settings["gssencmode"]:
        raise NotConnected(_message_of(pgconn))  # it failed earlier: the service is unknown
    return settings


def _hosts(settings: Settings) -> list[Settings]:
    """Return libpq's settings for each of the hosts."""
    names = [name for name in ("host", "hostaddr") if settings[name]]
    if not names:
        return [{}]
    columns = [settings[name].split(",") for name in names]
    ports = settings["port"].split(",")
    rows = zip(*columns, cycle(ports), strict=False)
    hosts = [dict(zip((*names, "port"), row, strict=True)) for row in rows]
    if settings.get("load_balance_hosts") == "random":
        import random

        random.shuffle(hosts)
    return hosts


def _addresses(host: Settings, seconds: float) -> list[Settings]:
    """Return libpq's settings for each address of a host.

    libpq's own look-up of a name would block the whole process, Ctrl-C included.

    Raises:
        NotConnected: The name is unknown, or no name server has answered in time.
    """
    name = host.get("host", "")
    if "hostaddr" in host or not name or _IS_ADDRESS.match(name):
        return [{}]
    found: list[str] = []
    messages = [_timeout_message(seconds)]

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except OSError as error:
            messages[0] = error.strerror or ""

    thread = Thread(target=look_up, daemon=True)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()  # signals are for the main thread
    except RuntimeError:
        return [{}]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    thread.join(seconds)
    if not found:
        raise NotConnected(f"looking up {name}: {messages[0]}")
    return [{"hostaddr": address} for address in found]


def _connect_to_host(server: Server, settings: Settings, seconds: float) -> pq.abc.PGconn:
    """Connect to the first address of a host that answers."""
    messages = []
    addresses = _addresses(settings, seconds)
    for address in addresses:
        conninfo = make_conninfo(server.address, **settings, **address)
        try:
            return _connect_to_address(conninfo, seconds / len(addresses))
        except NotConnected as error:
            messages.append(str(error))
    raise NotConnected("\n".join(messages))


def _connect_to_address(conninfo: str, seconds: float) -> pq.abc.PGconn:
    """Connect to one address within some seconds."""
    deadline = time.monotonic() + seconds
    pgconn = pq.PGconn.connect_start(conninfo.encode())
    while pgconn.status != pq.ConnStatus.BAD:
        state = pgconn.connect_poll()
        if state == pq.PollingStatus.OK:
            pgconn.nonblocking = 1
            return pgconn
        if state == pq.PollingStatus.FAILED:
            break
        wanted = Wait.R if state == pq.PollingStatus.READING else Wait.W
        if not _ready(pgconn.socket, wanted, deadline - time.monotonic()):
            raise NotConnected(_timeout_message(seconds))
    raise NotConnected(_message_of(pgconn))


def _synced(pipeline: Pipeline) -> PQGen[None]:
    """Send a Sync, and wait for all answers."""
    try:
        pipeline._enqueue_sync()
        yield from pipeline._communicate_gen()
    finally:
        yield from pipeline._fetch_gen(flush=False)


def _ready(descriptor: int, wanted: Wait, seconds: float) -> int:
    """Return what a socket is ready for; 0 once the time has passed."""
    poll = select.poll()
    poll.register(descriptor, _EVENTS[wanted])
    found = poll.poll(max(seconds, 0) * 1000)
    event = found[0][1] if found else 0
    # An error makes it ready in either direction.
    return bool(event & ~select.POLLOUT) * Wait.R | bool(event & ~select.POLLIN) * Wait.W


def _message_of(pgconn: pq.abc.PGconn) -> str:
    return pgconn.error_message.decode(errors="replace")


def _timeout_message(seconds: float) -> str:
    return f"no answer within {seconds:.0f} seconds"
