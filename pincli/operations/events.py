"""Reading the trail: which events, in which order, and how many there are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pincli.errors import UnknownAccount, UnknownUser
from pincli.models import Event, EventFilter
from pincli.operations.people import require_account, require_unambiguous, require_user
from pincli.operations.session import Session
from pincli.results import Listed

_COUNTED_BY_READING = 500


def require_known(session: Session, wanted: EventFilter) -> None:
    """Refuse a user or an account that neither is there nor has events: it may be a slip.

    Raises:
        AmbiguousUser: Several accounts have that login, and none is named.
        UnknownUser: Nobody has it, and no event is about it.
        UnknownAccount: No user and no event is of it.
    """
    if wanted.user is not None:
        if wanted.account is None:
            require_unambiguous(session, wanted.user)
        _require(session, EventFilter(user=wanted.user))
    if wanted.account is not None:
        _require(session, EventFilter(account=wanted.account))


def _require(session: Session, named: EventFilter) -> None:
    try:
        if named.user is not None:
            require_user(session, named.user)
        elif named.account is not None:
            require_account(session, named.account)
    except (UnknownUser, UnknownAccount):
        if not any(session.store.trail.newest_first(named, limit=1)):
            raise


def list_events(session: Session, wanted: EventFilter, limit: int) -> Listed:
    """Up to `limit` events: the newest first, or behind a number the oldest first."""
    trail = session.store.trail
    head = trail.head().number
    pages = in_order(session, wanted, limit, head)
    begun: list[list[Event]] = []
    seen = 0
    while seen < min(limit, _COUNTED_BY_READING) and (page := next(pages, None)) is not None:
        begun.append(page)
        seen += len(page)
    if seen < min(limit, _COUNTED_BY_READING):
        return Listed(iter(begun), seen)
    if wanted.after is None:
        head = begun[0][0].seq
    return Listed(chain(begun, pages), trail.count(wanted, up_to=head))


def archived_above(session: Session, number: int) -> int | None:
    """The last number of those above a number that are no longer in the store; None if all are."""
    first = next(iter(session.store.trail.after(number, EventFilter())), None)
    return None if first is None or first.seq == number + 1 else first.seq - 1


def in_order(
    session: Session, wanted: EventFilter, limit: int, up_to: int
) -> Iterator[list[Event]]:
    """Up to `limit` events: the newest first, or behind a number the oldest first.

    Args:
        session: Open for reading.
        wanted: Which.
        limit: How many at most.
        up_to: Where those behind a number end: others may go on writing.
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
