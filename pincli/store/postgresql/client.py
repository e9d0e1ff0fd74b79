"""This host as a client of the server: its connection, its mark, retries and deferred signals."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pincli.errors import StoreBusy, StoreUnavailable
from pincli.models import Fault, Head, Origin
from pincli.store.location import Server
from pincli.store.mark import NOWHERE, Mark, Seen
from pincli.store.postgresql.connection import LONGEST_WAIT, Connection, Cursor, connect
from pincli.store.postgresql.errors import Retry, translated

if TYPE_CHECKING:
    from pincli.store.opening import ConnectionCache

MOST_TRIES = 5
"""How often a transaction that the database undoes is tried."""

# Between charge and settle none of these may end the process; Ctrl-Z while a row is locked
# would hold up every other line.
_DEFERRED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP})

_R = TypeVar("_R")


class Signals:
    """Defers the signals that would end or stop the process."""

    def __init__(self) -> None:
        self._outlasts_transaction = False

    @contextmanager
    def deferred_to_the_end(self) -> Iterator[None]:
        """Once `defer` is called inside, signals wait until the end of this block."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._outlasts_transaction = True
        try:
            yield
        finally:
            self._outlasts_transaction = False
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    @contextmanager
    def in_transaction(self) -> Iterator[None]:
        """Defer Ctrl-Z inside, and all signals once `defer` is called."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        try:
            yield
        finally:
            if not self._outlasts_transaction:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def defer(self) -> None:
        """Defer signals from now on."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _DEFERRED)


class Client:
    """This host's side of an open store.

    Attributes:
        server: Where the store is.
        origin: Who acts, and by which command.
        signals: Deferred while others wait for this process.
    """

    def __init__(
        self,
        server: Server,
        marks: Path,
        *,
        origin: Origin,
        patience: float = LONGEST_WAIT,
        cache: ConnectionCache | None = None,
    ) -> None:
        """Take the cached connection, or connect; `patience` is the time for each answer."""
        self.server = server
        self.origin = origin
        self.signals = Signals()
        self._marks = marks
        self._mark: Mark | None = None
        self._patience = patience
        self._cache = cache
        self._connection = (cache and cache.take()) or self.new_connection()

    def new_connection(self, patience: float | None = None) -> Connection:
        """Connect to the server, or raise StoreUnavailable."""
        with translated(self.server):
            return connect(self.server, self._patience if patience is None else patience)

    @contextmanager
    def connection(self, patience: float | None = None) -> Iterator[Connection]:
        """Give the connection, in a pipeline; no transaction is left open at the end.

        If the server has closed the connection since its last use, this is a new one. Errors are
        those of `translated`.
        """
        if self._connection.is_dead():
            self._connection = self.new_connection(patience)
        else:
            self._connection.patience = self._patience if patience is None else patience
        connection = self._connection
        try:
            with translated(self.server), connection.pipeline():
                yield connection
        finally:
            connection.clear()

    def with_retries(self, transaction: Callable[[], _R]) -> _R:
        """Run a transaction, again if the database undoes it, up to five times.

        Raises:
            StoreUnavailable: The database undid it each time.
        """
        for _ in range(MOST_TRIES):
            try:
                return transaction()
            except Retry as error:
                last = error
        raise gave_up(last, self.server)

    def read_or_make_mark(self, store_id: str) -> Seen | None:
        """Return this host's mark of the store; make one if there is none.

        Raises:
            StoreUnavailable: The mark can't be trusted or read.
        """
        if self._mark is None:
            number = bytes.fromhex(store_id)
            self._mark = Mark.open(self._marks, number) or Mark.make(self._marks, number)
        return None if self._mark is None else self._mark.read()

    @property
    def keeps_mark(self) -> bool:
        """Whether there is a mark, after `read_or_make_mark`."""
        return self._mark is not None

    def read_mark(self, store_id: str) -> Seen | None:
        """Return this host's mark of the store, if there is one."""
        mark = Mark.open(self._marks, bytes.fromhex(store_id))
        if mark is None:
            return None
        with closing(mark):
            return mark.read()

    def advance_mark(self, head: Head, epoch: int, *, restored: bool = False) -> None:
        """Note the head after a commit. A mark that can't be written lags behind."""
        if self._mark is not None:
            self._mark.raise_to(mark_at(head, epoch), restored=restored)

    def close(self) -> None:
        """Close or cache the connection, and close the mark."""
        if self._cache is None:
            self._connection.close()
        else:
            self._cache.put(self._connection)
        if self._mark is not None:
            self._mark.close()
            self._mark = None


@contextmanager
def without_retries(server: Server) -> Iterator[None]:
    """Translate errors as `translated` does, for work that is not tried again.

    Raises:
        StoreUnavailable: It failed.
    """
    try:
        with translated(server):
            yield
    except Retry as error:
        raise gave_up(error, server) from None


def require_committed(connection: Connection, commit: Cursor, server: Server) -> None:
    """Raise StoreUnavailable if a COMMIT has failed, or may not last."""
    if commit.statusmessage != "COMMIT":
        raise StoreUnavailable(Fault.IO, server, f"{commit.statusmessage} instead of COMMIT")
    if connection.in_doubt:
        error = StoreUnavailable(Fault.IN_DOUBT, server, connection.in_doubt)
        error.unsure = True
        raise error


def gave_up(error: Retry, server: Server) -> StoreUnavailable:
    """Return the error for a transaction that the database has undone each time."""
    if error.fault is Fault.BUSY:
        return StoreBusy(server, None, error.detail)
    return StoreUnavailable(error.fault, server, error.detail)


def mark_at(head: Head, epoch: int) -> Seen:
    """Return the mark of a host that has seen this head."""
    return Seen(*head, epoch, NOWHERE)
