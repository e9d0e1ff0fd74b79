"""What a step's events change, worked out before anything is written.

Annotations are not postponed here, as in models.py.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter, ne
from typing import Any, NamedTuple

from pincli.errors import StaleRecord
from pincli.models import EventKind, Head, NewEvent, Origin, Texts, TrailEvent, User
from pincli.rules.canonical import links_of, record_digests, texts_digests

Row = Sequence[Any]
_BLIND_BYTES = 16
_LOCKS = (EventKind.LOCKED, EventKind.LOCKED_BY_HAND)


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
    noted: list[tuple[int, NewEvent, User | None]] = []
    changed: list[User] = []
    texts: list[Texts] = []
    added: set[bytes] = set()
    left: dict[bytes, User] = {}
    for number, event in enumerate(events, head.number + 1):
        user = event.user
        if user is not None:
            before = left.get(user.uid)
            if before is None and user.event == 0 and user.uid not in read:
                if user.id == 0:
                    user = _placed(user, next_row, user.event)
                    next_row += 1
                added.add(user.uid)
            else:
                before = before or _as_read(read, user)
                if (user.id, user.event) != (before.id, before.event):
                    user = _placed(user, before.id, before.event)
            # A restore also seals records that it does not change.
            if user != before or event.kind is EventKind.RESTORED:
                user = left[user.uid] = _placed(user, user.id, number)
                changed.append(user)
        noted.append((number, event, user))
        if (free := _texts_of(number, event)) is not None:
            texts.append(free)
    # Over all at once, which takes half the time.
    records = dict(zip([user.event for user in changed], record_digests(changed), strict=True))
    free_texts = dict(zip([each.number for each in texts], texts_digests(texts), strict=True))
    rows = [
        _row_of(
            *(number, event, user, free_texts.get(number), records.get(number)),
            *(at, origin, database_login),
        )
        for number, event, user in noted
    ]
    linked = zip(rows, links_of(head.link, rows), strict=True)
    return Changes(
        events=[TrailEvent(*row[:-2], link, None) for row, link in linked],
        texts=texts,
        records=[*left.values()],
        digests={user.uid: records[user.event] for user in left.values()},
        added=added,
        locks=[user.event for _, event, user in noted if user and event.kind in _LOCKS],
    )


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
    texts: bytes | None,
    record: bytes | None,
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
        texts=texts,
        record=record,
        note=event.note,
        link=b"",
        seal=None,
    )
