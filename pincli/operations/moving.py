"""Moving the store from a folder to a server; no PIN or attempt is lost or given back."""

from __future__ import annotations

import signal

from pincli.errors import Interrupted, UsageProblem
from pincli.operations.chunks import Progress, no_progress
from pincli.operations.session import Session
from pincli.operations.trail_check import require_sound
from pincli.results import Moved
from pincli.store.location import Location, Server
from pincli.store.opening import move_store

_ENDING = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def require_movable(store: Location, target: Location) -> Server:
    """Return the target, or raise UsageProblem: only a store in a folder moves, to a server."""
    if isinstance(store, Server):
        raise UsageProblem(
            "the store is on a server already",
            "its DBA moves a database; --store names the folder of a store that is to be moved",
        )
    if not isinstance(target, Server):
        raise UsageProblem(
            "a store is moved to a server, and that is a folder",
            "write postgresql://LOGIN@HOST:PORT/DATABASE?sslmode=verify-full",
        )
    return target


def move(session: Session, server: Server, *, progress: Progress = no_progress) -> Moved:
    """Move the store to a server's empty tables, or finish a move that was cut short.

    Others can't write during the copy; afterwards the old store refuses all work. The session
    is opened `even_closed`, with Need.WRITE and Need.CHECK.

    Raises:
        MoveUnfinished: The same command must be run again; after any other error, the store
            stays as it was.
    """

    def checking(done: int, total: int) -> None:
        progress(done, 2 * total)

    def copying(done: int, total: int) -> None:
        progress(total + done, 2 * total)

    def check() -> None:
        require_sound(session, progress=_stoppable(checking))

    now = move_store(session.store, server, check=check, progress=_stoppable(copying))
    users = sum(session.store.people.totals().values())
    return Moved(str(server), users, session.store.trail.head().number, moved=now)


def _stoppable(progress: Progress) -> Progress:
    """Progress that also looks for signals, which wait while a lock is held: here for minutes."""

    def report(done: int, total: int) -> None:
        if signal.sigpending() & _ENDING:
            raise Interrupted
        progress(done, total)

    return report
