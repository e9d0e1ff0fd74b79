"""A store moved from a folder to a server: the one act that knows both engines.

At every instant one of both takes work, or none. All is copied within one transaction of the
server, and the last event, which closes the store in the folder, with it. Then that event
becomes durable in the folder; only after it the server's transaction. What is cut short in
between leaves a closed store, which can be copied again to the same place.
"""

from __future__ import annotations

from collections.abc import Callable

from pincli.errors import MoveUnfinished, StoreUnavailable
from pincli.models import Fault
from pincli.store.contract import Store
from pincli.store.location import Server
from pincli.store.postgresql.arriving import Arrival, arriving
from pincli.store.sql.tables import PEOPLE, STORE, WORDS, words_in
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.steps.moving import close

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much. What it raises undoes everything."""
_AFTER_ALL_TIMES = "9999"


def move(store: Store, server: Server, *, check: Callable[[], None], progress: Progress) -> bool:
    """Move a store to a server, or finish a move that was cut short.

    Args:
        store: In a folder, opened even if it is closed, and with its keys.
        server: A database with our tables, and nothing in them.
        check: Raises StoreTampered if trail or records were changed.
        progress: Told how many rows are copied.

    Returns:
        Whether it was done now; False if an earlier run has done it all.

    Raises:
        Refused: The database holds a store.
        MoveUnfinished: The store is closed, and nobody knows whether the server's is open.
        StoreUnavailable: It was moved elsewhere, or can't be moved; it goes on as it was.
    """
    if not isinstance(store, SqliteStore):
        raise TypeError(store)
    with store.maintained():
        closed = store.moved_to()
        if closed not in (None, str(server)):
            raise StoreUnavailable(Fault.CLOSED, store.path, closed or "")
        with arriving(server) as there:
            if closed and there.holds(store.identity().store_id, store.trail.head()):
                store.note_moved()
                return False
            _prepare(store, there)
        check()
        with arriving(server) as there:
            _prepare(store, there)
            if closed:
                store.require_seen()  # the server's store may have gone on, and been lost
                _copy(store, there, progress)
            else:
                store.write(
                    close,
                    lambda: store.people.open_since(_AFTER_ALL_TIMES),
                    str(server),
                    lambda: _copy(store, there, progress),
                )
            try:
                store.note_moved()
                there.commit()
            except StoreUnavailable as error:
                raise MoveUnfinished(error.fault, server, error.detail) from None
    return True


def _prepare(store: SqliteStore, there: Arrival) -> None:
    there.require_empty()
    for table in store.tables():
        there.prepare(table)


def _copy(store: SqliteStore, there: Arrival, progress: Progress) -> None:
    """Copy everything as it is in the transaction at hand: what that has written, too."""
    total = sum(map(store.count, store.tables()))
    done = 0
    for table in store.tables():
        for page in store.pages(table):
            there.take(table, page)
            if table is PEOPLE:
                there.take(WORDS, words_in(page))
            done += len(page)
            progress(done, total)
    (row,) = next(store.pages(STORE))
    there.take_store(row, store.trail.head())
