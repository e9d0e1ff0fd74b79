"""Moving a store from a folder to a server.

At every instant at most one of both takes work. Everything is copied in one transaction of the
server, together with the last event, which closes the store in the folder. That event is committed
in the folder first, and the server's transaction after it. A kill in between leaves a closed store,
which can be copied again to the same server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pincli.errors import MoveUnfinished, StoreUnavailable
from pincli.models import EventKind, Fault, NewEvent
from pincli.store.contract import Store, Transaction
from pincli.store.location import Server
from pincli.store.postgresql.move_target import MoveTarget, open_move_target
from pincli.store.sql.tables import PEOPLE, STORE, WORDS, words_in
from pincli.store.sqlite.engine import SqliteStore
from pincli.store.steps.records import attempt_ended

Progress = Callable[[int, int], None]
"""Called with how much is done, and the total. What it raises undoes everything."""
_AFTER_ALL_TIMES = "9999"


def move(store: Store, server: Server, *, check: Callable[[], None], progress: Progress) -> bool:
    """Move a store to a server, or finish a move that was cut short.

    Args:
        store: In a folder, opened even if it is closed, and with its keys.
        server: A database with our tables, all empty.
        check: Raises StoreTampered if trail or records were changed.
        progress: Called with the rows copied so far.

    Returns:
        False if an earlier run has already finished the move.

    Raises:
        Refused: The database holds a store.
        MoveUnfinished: The store is closed, and nobody knows whether the server's is open.
        StoreUnavailable: It was moved elsewhere, or can't be moved; it stays as it was.
    """
    if not isinstance(store, SqliteStore):
        raise TypeError(store)
    with store.maintained():
        closed = store.moved_to()
        if closed not in (None, str(server)):
            raise StoreUnavailable(Fault.CLOSED, store.path, closed or "")
        with open_move_target(server) as target:
            if closed and target.holds(store.identity().store_id, store.trail.head()):
                store.note_moved()
                return False
            _prepare(store, target)
        check()
        with open_move_target(server) as target:
            _prepare(store, target)
            if closed:
                store.require_seen()  # the server's store may have gone on, and been lost
                _copy(store, target, progress)
            else:
                store.write(
                    _close,
                    lambda: store.people.open_since(_AFTER_ALL_TIMES),
                    str(server),
                    lambda: _copy(store, target, progress),
                )
            try:
                store.note_moved()
                target.commit()
            except StoreUnavailable as error:
                raise MoveUnfinished(error.fault, server, error.detail) from None
    return True


def _prepare(store: SqliteStore, target: MoveTarget) -> None:
    target.require_empty()
    for table in store.tables():
        target.prepare(table)


def _close(
    transaction: Transaction,
    open_attempts: Callable[[], Sequence[int]],
    server: str,
    copy: Callable[[], None],
) -> None:
    """The last step in the folder: end all open attempts, close the store, and copy it.

    Args:
        transaction: A transaction that is not retried; nobody else writes meanwhile.
        open_attempts: Returns the rows of users with an open attempt.
        server: The new location, for the event.
        copy: Copies the store. If it raises, nothing has happened.
    """
    for user in transaction.users(open_attempts()):
        transaction.save(attempt_ended(transaction, user)[0])
    transaction.save([NewEvent(EventKind.MOVED, note=server)])
    copy()


def _copy(store: SqliteStore, target: MoveTarget, progress: Progress) -> None:
    """Copy everything, including what the open transaction has written."""
    total = sum(map(store.count, store.tables()))
    done = 0
    for table in store.tables():
        for page in store.pages(table):
            target.add_rows(table, page)
            if table is PEOPLE:
                target.add_rows(WORDS, words_in(page))
            done += len(page)
            progress(done, total)
    (row,) = next(store.pages(STORE))
    target.add_store(row, store.trail.head())
