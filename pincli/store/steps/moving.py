"""The last step in a folder: the store goes on at a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pincli.models import EventKind, NewEvent
from pincli.rules import lockout
from pincli.store.contract import Transaction


def close(
    transaction: Transaction,
    open_attempts: Callable[[], Sequence[int]],
    server: str,
    copy: Callable[[], None],
) -> None:
    """End all open attempts, close the store with an event, and copy it.

    Args:
        transaction: Nobody else writes meanwhile, and it is not taken again.
        open_attempts: Gives the rows of users whose attempt is open.
        server: Where the store goes on, for the event.
        copy: Copies what is there then. If it raises, nothing has happened.
    """
    for user in transaction.users(open_attempts()):
        transaction.save(lockout.finished(user, at=transaction.at))
    transaction.save([NewEvent(EventKind.MOVED, note=server)])
    copy()
