"""What a step's events change, worked out before anything is written.

Annotations are not postponed here, as in models.py.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter, ne
from typing import Any, NamedTuple

from pincli.errors import StaleRecord
from pincli.models import EventKind, Head, NewEvent, Origin, Texts, TrailEvent, User
from pincli.rules.canonical import link_of, record_digest, texts_digest

Row = Sequence[Any]
_BLIND_BYTES = 16


class Changes(NamedTuple):
    """What is to be written.

    Attributes:
        events: The trail's new rows, without seals.
        texts: Their free texts.
        records: The changed users' new records.
        digests: The digests of these, by uid.
        added: The uids of new users.
        locks: The numbers of the events that record a lock.
    """

    events: list[TrailEvent]
    texts: list[Texts]
    records: list[User]
    digests: dict[bytes, bytes]
    added: set[bytes]
    locks: list[int]


def changes_of(
    events: Iterable[NewEvent],
    read: Mapping[bytes, User],
    head: Head,
    *,
    next_row: int,
    at: str,
    origin: Origin,
    database_login: str | None = None,
) -> Changes:
    """Number and link the events of a step, and collect the records they change.

    Args:
        events: The step's events.
        read: The records that this transaction has read, by uid.
        head: The end of the trail.
        next_row: The row number for the first new user without one.
        at: The time of the transaction.
        origin: Who acts.
        database_login: The login that the database knows.

    Raises:
        StaleRecord: A record was not read in this transaction, or before another change.
    """
    number, link = head
    changes = Changes([], [], [], {}, set(), [])
    left: dict[bytes, User] = {}
    for event in events:
        number += 1
        user, digest = event.user, None
        if user is not None:
            before = left.get(user.uid)
            if before is None and user.event == 0 and user.uid not in read:
                if user.id == 0:
                    user = _placed(user, next_row, user.event)
                    next_row += 1
                changes.added.add(user.uid)
            else:
                before = before or _as_read(read, user)
                if (user.id, user.event) != (before.id, before.event):
                    user = _placed(user, before.id, before.event)
            # A restore also seals records that it does not change.
            if user != before or event.kind is EventKind.RESTORED:
                user = _placed(user, user.id, number)
                digest = changes.digests[user.uid] = record_digest(user)
                left[user.uid] = user
            if event.kind in (EventKind.LOCKED, EventKind.LOCKED_BY_HAND):
                changes.locks.append(user.event)
        texts = _texts_of(number, event)
        if texts is not None:
            changes.texts.append(texts)
        row = _row_of(number, event, user, texts, digest, at, origin, database_login)
        link = link_of(link, row)
        changes.events.append(TrailEvent(*row[:-2], link, None))
    changes.records.extend(left.values())
    return changes


def differing(
    columns: Sequence[str], pairs: Iterable[tuple[int, Row, Row]]
) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """What to write of some records: only columns that differ, to leave other indexes alone.

    Args:
        columns: The names of the columns.
        pairs: For each record its row number, and its columns before and after.

    Yields:
        Some columns, and for each record that differs in just these the new values, followed by
        the row number.
    """
    changed: dict[tuple[int, ...], list[list[Any]]] = {}
    for number, before, after in pairs:
        places = [place for place, differs in enumerate(map(ne, before, after)) if differs]
        if places:
            values = [after[place] for place in places]
            values.append(number)
            changed.setdefault(tuple(places), []).append(values)
    for where, rows in changed.items():
        yield tuple(columns[place] for place in where), sorted(rows, key=itemgetter(-1))


def _placed(user: User, row: int, event: int) -> User:
    """Set the first field and the last; _replace takes three times as long, for every user."""
    return User._make((row, *user[1:-1], event))


def _as_read(read: Mapping[bytes, User], user: User) -> User:
    before = read.get(user.uid)
    if before is None or (before.id, before.event) != (user.id, user.event):
        raise StaleRecord(user.login)
    return before


def _texts_of(number: int, event: NewEvent) -> Texts | None:
    if event.reason is None and event.ticket is None and event.name is None:
        return None
    return Texts(number, os.urandom(_BLIND_BYTES), event.reason, event.ticket, event.name)


def _row_of(
    number: int,
    event: NewEvent,
    user: User | None,
    texts: Texts | None,
    digest: bytes | None,
    at: str,
    origin: Origin,
    database_login: str | None,
) -> TrailEvent:
    by = event.origin or origin
    return TrailEvent(
        number=number,
        at=at,
        agent=by.agent,
        database_login=database_login,
        command=by.command,
        kind=event.kind.value,
        uid=user.uid if user else None,
        account=user.account if user else None,
        attempt=event.attempt,
        outcome=event.outcome,
        ended_by=origin.agent if by.agent != origin.agent else None,
        counter=user.failed_attempts if user else None,
        pin_version=user.pin_version if user else None,
        texts=texts_digest(texts) if texts else None,
        record=digest,
        note=event.note,
        link=b"",
        seal=None,
    )
