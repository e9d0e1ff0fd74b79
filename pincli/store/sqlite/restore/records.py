"""The users' records after a restore, with an event for each that changes.

PINs stay only if nothing has happened since the backup. Otherwise all are withdrawn, and each
user keeps the stricter of both records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pincli.models import EventKind, Head, NewEvent, User
from pincli.results import Restored
from pincli.rules.replay import Course
from pincli.rules.restoring import lost, restored, taken_in
from pincli.store.mark import Seen
from pincli.store.sql.rows import USER, placeholders, user_from
from pincli.store.sqlite.restore.sources import Candidate

CHUNK = 2000
_ROWS_AFTER = "SELECT id FROM people WHERE id > ? ORDER BY id LIMIT ?"
_MOVED = "SELECT kind FROM main.trail ORDER BY number DESC LIMIT 1"
_GONE = (
    "SELECT count(*) FROM present.people p "
    "WHERE NOT EXISTS (SELECT 1 FROM main.people m WHERE m.uid = p.uid)"
)


class Suspects(NamedTuple):
    """Users whose records may differ from the trail.

    Attributes:
        rows: Their row numbers.
        courses: How far the trail tells their stories, and those of users who are gone.
    """

    rows: list[int]
    courses: Mapping[bytes, Course]

    def joined_with(self, others: Suspects) -> Suspects:
        """These and others, of whom more is known now."""
        rows = sorted({*self.rows, *others.rows})
        return Suspects(rows, {**self.courses, **others.courses})


def keeps_pins(candidate: Candidate, seen: Seen | None, there: Head | None) -> bool:
    """Whether nothing has happened since: mark, candidate and present store have one head.

    What was moved to a server goes on there, with the same PINs: here they are withdrawn.
    """
    head = candidate.head()
    marked = None if seen is None else Head(seen.number, seen.link)
    moved = candidate.connection.execute(_MOVED).fetchall() == [(EventKind.MOVED.value,)]
    return marked == head and (candidate.is_present or there == head) and not moved


def suspects(candidate: Candidate) -> Suspects:
    """Look at everybody: whose records were changed behind the trail, or are gone."""
    found, courses = [], dict(candidate.courses)
    for rows in _everybody(candidate.connection):
        for user, sound in candidate.transaction().found(rows):
            if sound:
                courses.pop(user.uid, None)
            else:
                found.append(user.id)
    return Suspects(found, courses)


def write_records(
    candidate: Candidate,
    seen: Seen | None,
    there: Head | None,
    *,
    keeps: bool,
    only: Suspects | None = None,
) -> Restored:
    """Write the records as they must be after the restore, with an event for each that changes.

    Args:
        candidate: The present store is attached if it is to be compared.
        seen: What the mark says.
        there: The present store's head.
        keeps: Whether PINs are kept.
        only: Whose records to write, if all others stay as they are.
    """
    connection = candidate.connection
    chunks = _everybody(connection) if only is None else _chunks(only.rows)
    left = dict(candidate.courses if only is None else only.courses)
    connection.execute("BEGIN")
    transaction = candidate.transaction()
    transaction.save([restored_event(seen, there)])
    for kind, fingerprint in candidate.keys.items():
        candidate.restorer.name_key(transaction, kind, fingerprint)
        transaction = candidate.transaction()
    withdrawn = changed = 0
    compare = there is not None and not candidate.is_present
    for rows in chunks:
        found = transaction.found(rows)
        present = present_records(connection, [user for user, _ in found]) if compare else {}
        events: list[NewEvent] = []
        for user, sound in found:
            course, before = left.pop(user.uid, None), present.get(user.uid)
            if sound:
                step = restored(user, present=before, keeps_pin=keeps, at=transaction.at)
            else:
                step = taken_in(user, course, at=transaction.at)
            events += step
            changed += bool(step)
            withdrawn += bool(step) and _had_pin(user, before)
        transaction.save(events)
    for uid, course in left.items():
        transaction.save(lost(uid, course, at=transaction.at))
        changed += 1
    gone = connection.execute(_GONE).fetchall()[0][0] if compare else 0
    connection.execute("COMMIT")
    return Restored(withdrawn=withdrawn, changed=changed, gone_users=gone)


def _had_pin(user: User, present: User | None) -> bool:
    return user.question is not None or (present is not None and present.question is not None)


def restored_event(seen: Seen | None, there: Head | None) -> NewEvent:
    """The event that clears the refusal of a store that this host has seen newer or otherwise."""
    marked = None if seen is None else Head(seen.number, seen.link)
    heads = (("mark", marked), ("aside", there))
    note = " ".join(f"{what} {each}" for what, each in heads if each is not None)
    return NewEvent(EventKind.RESTORED, note=note or None)


def present_records(connection: sqlite3.Connection, users: Sequence[User]) -> dict[bytes, User]:
    """The present store's records of users, by uid."""
    uids = [user.uid for user in users]
    rows = connection.execute(
        f"SELECT {USER} FROM present.people WHERE uid IN ({placeholders(uids)})", uids
    ).fetchall()
    return {user.uid: user for user in map(user_from, rows)}


def _everybody(connection: sqlite3.Connection) -> Iterator[list[int]]:
    """The row numbers of everybody, chunk by chunk."""
    last = 0
    while rows := connection.execute(_ROWS_AFTER, (last, CHUNK)).fetchall():
        yield [row for (row,) in rows]
        ((last,),) = rows[-1:]


def _chunks(rows: Sequence[int]) -> Iterator[list[int]]:
    for first in range(0, len(rows), CHUNK):
        yield [*rows[first : first + CHUNK]]
