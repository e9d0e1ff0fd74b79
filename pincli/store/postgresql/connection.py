"""A connection to the server: how it is made, how long it is waited for, and flights.

Nothing here is a state of a session, so that a pooler in transaction mode may stand between.
And nothing is ever cancelled: a COMMIT that is cancelled while it waits for a standby says that
it was done. Who has waited long enough closes the connection.
"""

from __future__ import annotations

import logging
import re
import select
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle
from threading import Thread
from typing import Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import Diagnostic
from psycopg.waiting import Wait

from pincli.store.location import Server

LONGEST_WAIT = 10.0
"""Seconds that anybody waits for the server, all in all, until a transaction commits."""

Parameters = Sequence[Any]
Cursor = psycopg.Cursor[tuple[Any, ...]]
Settings = dict[str, str]

# What a location, a service file or the environment says goes before these.
_DEFAULTS = {
    "target_session_attrs": "read-write",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_UNSAID = ("", "any")
# At this value libpq gives up, once it has put all its settings together.
_IMPOSSIBLE = {"gssencmode": "-"}
# With these a COMMIT says that it was ended while it waited for a standby.
_IN_DOUBT = ("01000", "57P01")
_EVENTS = {
    Wait.R: select.POLLIN,
    Wait.W: select.POLLOUT,
    Wait.RW: select.POLLIN | select.POLLOUT,
}

_NEEDS_NO_LOOK_UP = re.compile(r"[/@]|[0-9.]+$|.*:")
"""A socket, or an address."""

_V = TypeVar("_V")

# It prints errors that are raised, and shown, here.
logging.getLogger("psycopg").addHandler(logging.NullHandler())
logging.getLogger("psycopg").propagate = False


class NotConnected(psycopg.OperationalError):
    """There is no connection; its text is what libpq and the servers have said of that."""


class WaitedTooLong(psycopg.OperationalError):
    """The server did not answer in time. The connection is closed."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection, and how long its server is waited for.

    Attributes:
        patience: Seconds that may still be waited.
        renews: Whether the next answer gives the whole patience back.
        in_doubt: What the server said of a commit that may not last, until somebody empties it.
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
        """Take psycopg's part in a talk with the server, as long as the patience lasts.

        Whatever ends it early, a signal too, closes the connection: psycopg would cancel.

        Raises:
            WaitedTooLong: It did not last.
        """
        began = time.monotonic()
        try:
            wanted, descriptor = next(gen), self.pgconn.socket
            while True:
                left = self.patience - (time.monotonic() - began)
                ready = _ready(descriptor, wanted, left)
                if not ready:
                    raise WaitedTooLong(_no_answer(LONGEST_WAIT))
                if self.renews and ready & Wait.R:
                    self.patience, began, self.renews = LONGEST_WAIT, time.monotonic(), False
                wanted = gen.send(ready)
        except StopIteration as end:
            value: _V = end.value
            return value
        except BaseException as error:
            if isinstance(error, WaitedTooLong) or not isinstance(error, psycopg.Error):
                self.close()
            with suppress(psycopg.Error):  # it would still have its say
                gen.close()
            raise
        finally:
            self.patience = max(self.patience - (time.monotonic() - began), 0)

    def flight(self, *statements: tuple[str, Parameters]) -> list[Cursor]:
        """Send statements at once, and wait for all their answers at once.

        Where no BEGIN is among them they are one transaction.
        """
        with self.pipeline():
            return [self.execute(text.encode(), values) for text, values in statements]

    def is_dead(self) -> bool:
        """Whether the server has ended an idle connection meanwhile; asks nobody."""
        with suppress(psycopg.Error):
            while not self.closed and _ready(self.pgconn.socket, Wait.R, 0):
                self.pgconn.consume_input()
        return self.closed

    def clear(self) -> None:
        """Leave no transaction open, whatever it takes."""
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

    Each of several gets its share of the time: the first may be gone, and its network silent.

    Args:
        server: Where it is. What it leaves unsaid is as service file, environment and password
            file say, as with any program that uses libpq.
        patience: Seconds to wait, for the connection and then for answers.

    Raises:
        psycopg.Error: There is none. What servers and libpq have said is in NotConnected.
    """
    began = time.monotonic()
    settings = _settings(server)
    written = conninfo_to_dict(server.address)
    ours = {
        name: value
        for name, value in _DEFAULTS.items()
        if settings[name] in _UNSAID and name not in written
    }
    ours |= {"fallback_application_name": "pincli", "client_encoding": "UTF8"}
    hosts = _hosts(settings)
    wanted = settings["connect_timeout"]
    share = min(
        float(wanted) if wanted.isdigit() and int(wanted) else patience, patience / len(hosts)
    )
    said = []
    for host in hosts:
        try:
            pgconn = _reached(server, {**ours, **host}, share)
        except NotConnected as error:
            said.append(str(error))
        else:
            return Connection(pgconn, max(patience - (time.monotonic() - began), 0))
    raise NotConnected("\n".join(dict.fromkeys(said)))


def _settings(server: Server) -> Settings:
    """All of libpq's settings for a server, wherever they are from."""
    pgconn = pq.PGconn.connect_start(make_conninfo(server.address, **_IMPOSSIBLE).encode())
    settings = {option.keyword.decode(): (option.val or b"").decode() for option in pgconn.info}
    if not settings["gssencmode"]:
        raise NotConnected(_said_by(pgconn))  # it gave up before: the service is unknown
    return settings


def _hosts(settings: Settings) -> list[Settings]:
    """What to say to libpq for each of the hosts in its settings."""
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
    """What to say to libpq of the addresses of a host.

    It would look up a name by itself, and keep the whole process waiting, deaf to Ctrl-C.

    Raises:
        NotConnected: There is none, or nobody answers within so many seconds.
    """
    name = host.get("host", "")
    if "hostaddr" in host or not name or _NEEDS_NO_LOOK_UP.match(name):
        return [{}]
    found: list[str] = []
    said = [_no_answer(seconds)]

    def look_up() -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except OSError as error:
            said[0] = error.strerror or ""

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
        raise NotConnected(f"looking up {name}: {said[0]}")
    return [{"hostaddr": address} for address in found]


def _reached(server: Server, settings: Settings, seconds: float) -> pq.abc.PGconn:
    """Connect to one host, by the first of its addresses that will do."""
    said = []
    addresses = _addresses(settings, seconds)
    for address in addresses:
        conninfo = make_conninfo(server.address, **settings, **address)
        try:
            return _connected(conninfo, seconds / len(addresses))
        except NotConnected as error:
            said.append(str(error))
    raise NotConnected("\n".join(said))


def _connected(conninfo: str, seconds: float) -> pq.abc.PGconn:
    """Connect to one host within so many seconds."""
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
            raise NotConnected(_no_answer(seconds))
    raise NotConnected(_said_by(pgconn))


def _ready(descriptor: int, wanted: Wait, seconds: float) -> int:
    """What a socket is ready for of what is wanted; nothing, once the time has passed."""
    poll = select.poll()
    poll.register(descriptor, _EVENTS[wanted])
    found = poll.poll(max(seconds, 0) * 1000)
    event = found[0][1] if found else 0
    # What went wrong shows in either direction.
    return bool(event & ~select.POLLOUT) * Wait.R | bool(event & ~select.POLLIN) * Wait.W


def _said_by(pgconn: pq.abc.PGconn) -> str:
    return pgconn.error_message.decode(errors="replace")


def _no_answer(seconds: float) -> str:
    return f"no answer within {seconds:.0f} seconds"
