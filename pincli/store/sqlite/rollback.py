"""Whether a store is still the one that this host has seen: not rolled back, not copied away."""

from __future__ import annotations

from pathlib import Path

from pincli.errors import StoreRolledBack, StoreUnavailable
from pincli.models import EventKind, Fault, Head
from pincli.store.sql.rows import OF_NOTE, Rows
from pincli.store.sqlite.mark import Seen, place_of


def require_seen(seen: Seen, head: Head, rows: Rows, path: Path) -> None:
    """Compare this host's mark with the store.

    Args:
        seen: What the mark says.
        head: The end of the store's trail.
        rows: Asks the store.
        path: The database's.

    Raises:
        StoreUnavailable: The store is at another place: a copy, or it was moved.
        StoreRolledBack: Its head is behind the mark, or its trail is another one.
    """
    if seen.place != place_of(path):
        raise StoreUnavailable(Fault.MOVED, path)
    marked = Head(seen.number, seen.link)
    if marked == head or _link_at(rows, marked.number) == marked.link:
        return
    if _was_taken_in(rows, marked):
        return
    what = f"its trail ends at {head.number}, this host has seen {marked.number}"
    if head.number >= marked.number:
        what = f"event {marked.number} is not the one that this host has seen"
    raise StoreRolledBack(path, what)


def _link_at(rows: Rows, number: int) -> bytes | None:
    found = rows("SELECT link FROM trail WHERE number = ?", (number,))
    return found[0][0] if found else None


def _was_taken_in(rows: Rows, marked: Head) -> bool:
    """Whether an admin's restore has put this mark aside: a later event names it."""
    query = f"SELECT note FROM trail WHERE {OF_NOTE} AND kind = ?"
    notes = rows(query, (EventKind.RESTORED.value,))
    return any(str(marked) in (note or "").split() for (note,) in notes)
