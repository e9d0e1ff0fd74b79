"""Moving the store from a folder to a server, without a PIN or an attempt lost or given back."""

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
    """The server that a store is to be moved to.

    Raises:
        UsageProblem: The store is on a server already, or the target is a folder.
    """
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


def move(
    session: Session,
    server: Server,
    *,
    progress: Progress = no_progress,
) -> Moved:
    """Move the store to a server, or finish a move that was cut short.

    Nobody else writes while it is copied. From then on the old store refuses all work.

    Args:
        session: Of the store in a folder, opened even if it is closed, with Need.WRITE and
            Need.CHECK.
        server: A database that has our tables, with nothing in them.
        progress: Told how far it is: half of it is for checking, half for copying.

    Raises:
        Interrupted: Ctrl-C came early enough; the store goes on as it was.
        StoreTampered: Trail or records were changed; likewise.
        Refused: The database holds a store; likewise.
        MoveUnfinished: The same command has to be run again.
        StoreUnavailable: It can't be moved; it goes on as it was.
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
    """Progress, with a look for signals: they wait while a lock is held, here for minutes."""

    def told(done: int, total: int) -> None:
        if signal.sigpending() & _ENDING:
            raise Interrupted
        progress(done, total)

    return told
