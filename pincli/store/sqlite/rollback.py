"""Whether a store is still the one that this host has seen: not rolled back, not copied away."""

from __future__ import annotations

from pathlib import Path

from pincli.errors import StoreRolledBack, StoreUnavailable
from pincli.models import EventKind, Fault, Head
from pincli.store.sqlite.mark import Seen, place_of
from pincli.store.sqlite.transaction import SqliteTransaction


def require_seen(seen: Seen, transaction: SqliteTransaction, path: Path) -> None:
    """Compare this host's mark with the store that is going to be written.

    Raises:
        StoreUnavailable: The store is at another place: a copy, or it was moved.
        StoreRolledBack: Its head is behind the mark, or its trail is another one.
    """
    if seen.place != place_of(path):
        raise StoreUnavailable(Fault.MOVED, path)
    marked = Head(seen.number, seen.link)
    if _link_at(transaction, marked.number) == marked.link or _was_taken_in(transaction, marked):
        return
    head = transaction.head
    what = f"its trail ends at {head.number}, this host has seen {marked.number}"
    if head.number >= marked.number:
        what = f"event {marked.number} is not the one that this host has seen"
    raise StoreRolledBack(path, what)


def _link_at(transaction: SqliteTransaction, number: int) -> bytes | None:
    if number == transaction.head.number:
        return transaction.head.link
    found = transaction.rows("SELECT link FROM trail WHERE number = ?", (number,))
    return found[0][0] if found else None


def _was_taken_in(transaction: SqliteTransaction, marked: Head) -> bool:
    """Whether an admin's restore has put this mark aside: a later event names it."""
    notes = transaction.rows(
        "SELECT note FROM trail WHERE kind = ? ORDER BY number DESC", (EventKind.RESTORED.value,)
    )
    return any(str(marked) in (note or "").split() for (note,) in notes)
