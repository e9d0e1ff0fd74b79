"""Listing events of the trail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pincli.errors import UnknownAccount, UnknownUser
from pincli.operations.people import require_account, require_user
from pincli.operations.session import Session
from pincli.results import Event, EventFilter, Listed
from pincli.rules.names import ERASED

_COUNTED_BY_READING = 500


def require_known(session: Session, wanted: EventFilter) -> None:
    """Refuse a user or account that doesn't exist and has no events: it may be a typo."""
    try:
        if wanted.user is not None and wanted.user.startswith(ERASED):
            raise UnknownUser([wanted.user])  # erased, but still a name in the trail
        if wanted.user is not None:
            require_user(session, wanted.user, account=wanted.account)
        elif wanted.account is not None:
            require_account(session, wanted.account)
    except (UnknownUser, UnknownAccount):
        named = EventFilter(user=wanted.user, account=wanted.account)
        if not any(session.store.trail.newest_first(named, limit=1)):
            raise


def list_events(session: Session, wanted: EventFilter, limit: int) -> Listed:
    """List up to `limit` events, and count all; see `in_order` for the order."""
    trail = session.store.trail
    head = trail.head().number
    pages = in_order(session, wanted, limit, head)
    enough = min(limit, _COUNTED_BY_READING)
    begun: list[list[Event]] = []
    seen = 0
    while seen < enough and (page := next(pages, None)) is not None:
        begun.append(page)
        seen += len(page)
    if seen < enough:
        return Listed(iter(begun), seen)
    if wanted.after is None:
        head = begun[0][0].seq
    return Listed(chain(begun, pages), trail.count(wanted, up_to=head))


def archived_above(session: Session, number: int) -> int | None:
    """Return the last archived number above this one; None if all above are in the store."""
    first = next(iter(session.store.trail.after(number, EventFilter())), None)
    return None if first is None or first.seq == number + 1 else first.seq - 1


def in_order(
    session: Session, wanted: EventFilter, limit: int, up_to: int
) -> Iterator[list[Event]]:
    """Read up to `limit` events: the newest first, or with `wanted.after` the oldest first.

    Others may go on writing: with `wanted.after`, the events end with number `up_to`.
    """
    trail = session.store.trail
    if wanted.after is None:
        yield from trail.newest_first(wanted, limit=limit)
        return
    last = wanted.after
    while limit > 0 and (page := trail.after(last, wanted)):
        page = [event for event in page if event.seq <= up_to][:limit]
        if not page:
            return
        yield page
        limit -= len(page)
        last = page[-1].seq
