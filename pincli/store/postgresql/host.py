"""What this host keeps of a store on a server: a connection, the mark, and signals put off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pincli.errors import StoreBusy, StoreUnavailable
from pincli.models import Fault, Head, Origin
from pincli.store.location import Server
from pincli.store.mark import NOWHERE, Mark, Seen
from pincli.store.postgresql.connection import LONGEST_WAIT, Connection, Cursor, connect
from pincli.store.postgresql.errors import TakeAgain, translated
from pincli.store.postgresql.signals import Signals

if TYPE_CHECKING:
    from pincli.store.opening import ConnectionCache

TRIES = 5
"""How often a transaction is taken again where the database undid it."""

_R = TypeVar("_R")


class Host:
    """This host, as long as a store is open.

    Attributes:
        server: Where the store is.
        origin: Who acts, and by which command.
        signals: What is put off while others wait for this process.
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
        """Connect, or go on with the connection that was kept.

        Args:
            server: Where the store is.
            marks: The folder of this host's mark.
            origin: Who acts, and by which command.
            patience: Seconds to wait for each answer.
            cache: Keeps the connection at the end.

        Raises:
            StoreUnavailable: There is no connection.
        """
        self.server = server
        self.origin = origin
        self.signals = Signals()
        self._marks = marks
        self._mark: Mark | None = None
        self._patience = patience
        self._cache = cache
        self._connection = (cache and cache.take()) or self.another_connection()

    def another_connection(self, patience: float | None = None) -> Connection:
        """A new connection.

        Raises:
            StoreUnavailable: There is none.
        """
        with translated(self.server):
            return connect(self.server, self._patience if patience is None else patience)

    @contextmanager
    def conversation(self, patience: float | None = None) -> Iterator[Connection]:
        """The connection in a pipeline; no transaction is left open at the end.

        Where the server has ended the connection since it was used last, it is a new one.

        Args:
            patience: Seconds to wait, if not as many as ever.

        Raises:
            TakeAgain: As `translated` does.
            UserGone: Likewise.
            StoreUnavailable: Likewise.
        """
        if self._connection.is_dead():
            self._connection = self.another_connection(patience)
        else:
            self._connection.patience = self._patience if patience is None else patience
        connection = self._connection
        try:
            with translated(self.server), connection.pipeline():
                yield connection
        finally:
            connection.clear()

    def patiently(self, transaction: Callable[[], _R]) -> _R:
        """Take a transaction, again where the database undid it.

        Raises:
            StoreUnavailable: It did that each time.
        """
        for _ in range(TRIES):
            try:
                return transaction()
            except TakeAgain as error:
                last = error
        raise gave_up(last, self.server)

    def seen(self, store_id: str) -> Seen | None:
        """What this host has seen of the store; its mark is made where there is none.

        Raises:
            StoreUnavailable: There is one that can't be trusted or read.
        """
        if self._mark is None:
            number = bytes.fromhex(store_id)
            self._mark = Mark.open(self._marks, number) or Mark.make(self._marks, number)
        return None if self._mark is None else self._mark.read()

    @property
    def keeps_mark(self) -> bool:
        """Whether there is a mark, once `seen` was asked for."""
        return self._mark is not None

    def seen_before(self, store_id: str) -> Seen | None:
        """The same, and no mark is made."""
        mark = Mark.open(self._marks, bytes.fromhex(store_id))
        if mark is None:
            return None
        with closing(mark):
            return mark.read()

    def saw(self, head: Head, epoch: int, *, restored: bool = False) -> None:
        """Note down what was just committed; a mark that can't be written lags."""
        if self._mark is not None:
            self._mark.raise_to(Seen(*head, epoch, NOWHERE), restored=restored)

    def close(self) -> None:
        """Close the connection, or keep it, and close the mark."""
        if self._cache is None:
            self._connection.close()
        else:
            self._cache.put(self._connection)
        if self._mark is not None:
            self._mark.close()
            self._mark = None


@contextmanager
def at_last(server: Server) -> Iterator[None]:
    """As `translated`, for what is not tried again."""
    try:
        with translated(server):
            yield
    except TakeAgain as error:
        raise gave_up(error, server) from None


def require_committed(connection: Connection, commit: Cursor, server: Server) -> None:
    """See that a COMMIT was one.

    Raises:
        StoreUnavailable: It was none, or it is not known to last.
    """
    if commit.statusmessage != "COMMIT":
        raise StoreUnavailable(Fault.IO, server, f"{commit.statusmessage} instead of COMMIT")
    if connection.in_doubt:
        error = StoreUnavailable(Fault.IN_DOUBT, server, connection.in_doubt)
        error.unsure = True
        raise error


def gave_up(error: TakeAgain, server: Server) -> StoreUnavailable:
    """What is wrong where the database has undone a transaction each time."""
    if error.fault is Fault.BUSY:
        return StoreBusy(server, None, error.detail)
    return StoreUnavailable(error.fault, server, error.detail)


def present(head: Head, epoch: int) -> Seen:
    """The end of a trail, for comparing it with a mark."""
    return Seen(*head, epoch, NOWHERE)
