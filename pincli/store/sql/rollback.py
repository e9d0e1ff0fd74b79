"""Comparing a store with this host's mark: was it rolled back, copied or moved?"""

from __future__ import annotations

from collections.abc import Callable

from pincli.errors import StoreRolledBack, StoreUnavailable
from pincli.models import EventKind, Fault, Head, Start, TrailEvent
from pincli.rules.canonical import link_of
from pincli.store.location import Location
from pincli.store.mark import NOWHERE, Seen
from pincli.store.sql.rows import OF_NOTE, START, TRAIL, Rows

IsSealed = Callable[[TrailEvent | Start], bool]


def require_seen(
    seen: Seen, present: Seen, rows: Rows, path: Location, is_sealed: IsSealed | None
) -> None:
    """Compare this host's mark with the store.

    Args:
        seen: The mark.
        present: The store's head, epoch and place.
        rows: Queries the store.
        path: The store's location, for the error.
        is_sealed: Whether an event's seal is right; None on a server, where a newer epoch marks a
            restore, and no event clears a mark.

    Raises:
        StoreUnavailable: The store is at another place: it was copied or moved. A move to a server
            is accepted if a sealed event says so.
        StoreRolledBack: The store's head is behind the mark, or its trail is another one.
    """
    if seen.place != present.place:
        if seen.place == NOWHERE:
            raise StoreUnavailable(Fault.CLOSED, path)
        if present.place != NOWHERE or not _was_moved(rows, seen.number, is_sealed):
            raise StoreUnavailable(Fault.MOVED, path)
    if present.epoch > seen.epoch:
        return
    marked, head = Head(seen.number, seen.link), Head(present.number, present.link)
    if present.epoch < seen.epoch:
        raise StoreRolledBack(path, "it is from before a restore that this host has seen")
    if marked == head or _link_at(rows, marked.number) == marked.link:
        return
    if marked.number <= head.number and _was_archived(rows, marked, is_sealed):
        return
    if is_sealed is not None and _was_taken_in(rows, marked, is_sealed):
        return
    what = f"its trail ends at {head.number}, this host has seen {marked.number}"
    if head.number >= marked.number:
        what = f"event {marked.number} is not the one that this host has seen"
    raise StoreRolledBack(path, what)


def _link_at(rows: Rows, number: int) -> bytes | None:
    found = rows("SELECT link FROM trail WHERE number = ?", (number,))
    return found[0][0] if found else None


def _was_archived(rows: Rows, marked: Head, is_sealed: IsSealed | None) -> bool:
    """Whether the marked event was archived, so that nothing is left to compare."""
    start = Start(*rows(START)[0])
    if marked.number == start.number and marked.link != start.link:
        return False
    return marked.number <= start.number and (is_sealed is None or is_sealed(start))


def _was_taken_in(rows: Rows, marked: Head, is_sealed: IsSealed) -> bool:
    """Whether a later restore clears this mark: its sealed event names the mark.

    The event's link is recomputed, since any event of an old file can be edited to look like one.
    """
    query = f"SELECT {TRAIL} FROM trail WHERE {OF_NOTE} AND kind = ?"
    return any(
        str(marked) in (found.note or "").split() and _is_genuine(rows, found, is_sealed)
        for found in map(TrailEvent._make, rows(query, (EventKind.RESTORED.value,)))
    )


def _was_moved(rows: Rows, number: int, is_sealed: IsSealed | None) -> bool:
    """Whether the store was moved to a server by this event or a later one.

    Without a key the event is believed, since the marked link is compared too.
    """
    if is_sealed is None:
        query = "SELECT number FROM trail WHERE number >= ? AND kind = ?"
        return bool(rows(query, (number, EventKind.MOVED.value)))
    query = f"SELECT {TRAIL} FROM trail WHERE number >= ? AND kind = ?"
    found = rows(query, (number, EventKind.MOVED.value))
    return any(_is_genuine(rows, TrailEvent._make(each), is_sealed) for each in found)


def _is_genuine(rows: Rows, event: TrailEvent, is_sealed: IsSealed) -> bool:
    """Whether an event's link fits the one before, and its seal is right."""
    before = _link_at(rows, event.number - 1)
    return before is not None and link_of(before, event) == event.link and is_sealed(event)
