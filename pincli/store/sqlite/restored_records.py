"""What a restore makes of records, with an event for each that changes.

Only if nothing has happened since do PINs stay. Else all are withdrawn, and each user keeps
the stricter of both records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pincli.models import EventKind, Head, NewEvent, User
from pincli.results import Restored
from pincli.rules.replay import Course
from pincli.rules.restoring import lost, restored, taken_in
from pincli.store.contract import Restorer
from pincli.store.mark import Seen
from pincli.store.sql.rows import USER, marks, user_from
from pincli.store.sqlite.candidates import Candidate
from pincli.store.sqlite.transaction import SqliteTransaction

CHUNK = 2000
_HEAD = "SELECT number, link FROM {}.trail ORDER BY number DESC LIMIT 1"
_ROWS_AFTER = "SELECT id FROM people WHERE id > ? ORDER BY id LIMIT ?"
_MOVED = "SELECT kind FROM main.trail ORDER BY number DESC LIMIT 1"
_GONE = (
    "SELECT count(*) FROM present.people p "
    "WHERE NOT EXISTS (SELECT 1 FROM main.people m WHERE m.uid = p.uid)"
)


class Suspects(NamedTuple):
    """Whose records may not be as the trail says.

    Attributes:
        rows: Where they are.
        courses: How far the trail tells their stories, and those of users who are gone.
    """

    rows: list[int]
    courses: Mapping[bytes, Course]

    def and_also(self, others: Suspects) -> Suspects:
        """These and others, of whom more is known now."""
        rows = sorted({*self.rows, *others.rows})
        return Suspects(rows, {**self.courses, **others.courses})


def keeps_pins(
    connection: sqlite3.Connection, candidate: Candidate, seen: Seen | None, there: Head | None
) -> bool:
    """Whether nothing has happened since: mark, candidate and present store have one head.

    What was moved to a server goes on there, with the same PINs: here they are withdrawn.
    """
    head = head_of(connection, "main")
    marked = None if seen is None else Head(seen.number, seen.link)
    moved = connection.execute(_MOVED).fetchall() == [(EventKind.MOVED.value,)]
    return marked == head and (candidate.is_present or there == head) and not moved


def suspects(connection: sqlite3.Connection, candidate: Candidate, restorer: Restorer) -> Suspects:
    """Whose records were changed behind the trail, or are gone: everybody's is looked at."""
    found, courses = [], dict(candidate.courses)
    for rows in _everybody(connection):
        for user, sound in transaction_on(connection, candidate, restorer).found(rows):
            if sound:
                courses.pop(user.uid, None)
            else:
                found.append(user.id)
    return Suspects(found, courses)


def write_records(
    connection: sqlite3.Connection,
    candidate: Candidate,
    restorer: Restorer,
    seen: Seen | None,
    there: Head | None,
    *,
    keeps: bool,
    only: Suspects | None = None,
) -> Restored:
    """Make the records those of after the restore, with an event for each that changes.

    Args:
        connection: The candidate, with the present store attached if it is to be compared.
        candidate: What is known of it.
        restorer: Who does what needs keys.
        seen: What the mark says.
        there: The present store's head.
        keeps: Whether PINs are kept.
        only: Whose records these are, where all others stay as they are.
    """
    chunks = _everybody(connection) if only is None else _chunks(only.rows)
    left = dict(candidate.courses if only is None else only.courses)
    connection.execute("BEGIN")
    transaction = transaction_on(connection, candidate, restorer)
    transaction.save([restored_event(seen, there)])
    for kind, fingerprint in candidate.keys.items():
        restorer.name_key(transaction, kind, fingerprint)
        transaction = transaction_on(connection, candidate, restorer)
    withdrawn = changed = 0
    compare = there is not None and not candidate.is_present
    for rows in chunks:
        found = transaction.found(rows)
        present = present_records(connection, [user for user, _ in found]) if compare else {}
        events: list[NewEvent] = []
        for user, sound in found:
            course = left.pop(user.uid, None)
            if sound:
                step = restored(
                    user, present=present.get(user.uid), keeps_pin=keeps, at=transaction.at
                )
            else:
                step = taken_in(user, course, at=transaction.at)
            events += step
            changed += bool(step)
            withdrawn += bool(step) and _had_pin(user, present.get(user.uid))
        transaction.save(events)
    for uid, course in left.items():
        transaction.save(lost(uid, course, at=transaction.at))
        changed += 1
    gone = connection.execute(_GONE).fetchall()[0][0] if compare else 0
    connection.execute("COMMIT")
    return Restored(withdrawn=withdrawn, changed=changed, gone_users=gone)


def head_of(connection: sqlite3.Connection, database: str) -> Head | None:
    """The last event of an attached database; None if it has none."""
    found = connection.execute(_HEAD.format(database)).fetchall()
    return Head(*found[0]) if found else None


def restored_event(seen: Seen | None, there: Head | None) -> NewEvent:
    """The event that clears the refusal of a store that this host has seen newer or otherwise."""
    marked = None if seen is None else Head(seen.number, seen.link)
    heads = (("mark", marked), ("aside", there))
    note = " ".join(f"{what} {each}" for what, each in heads if each is not None)
    return NewEvent(EventKind.RESTORED, note=note or None)


def _had_pin(user: User, present: User | None) -> bool:
    return user.question is not None or (present is not None and present.question is not None)


def transaction_on(
    connection: sqlite3.Connection, candidate: Candidate, restorer: Restorer
) -> SqliteTransaction:
    """What records events in a candidate, with the keys that it names now."""
    return SqliteTransaction(
        connection, candidate.database, sealers=restorer.sealers, origin=restorer.origin
    )


def present_records(connection: sqlite3.Connection, users: Sequence[User]) -> dict[bytes, User]:
    """The present store's records of users, by uid."""
    uids = [user.uid for user in users]
    rows = connection.execute(
        f"SELECT {USER} FROM present.people WHERE uid IN ({marks(uids)})", uids
    ).fetchall()
    return {user.uid: user for user in map(user_from, rows)}


def _everybody(connection: sqlite3.Connection) -> Iterator[list[int]]:
    """The row numbers of everybody, chunk by chunk."""
    last = 0
    while rows := connection.execute(_ROWS_AFTER, (last, CHUNK)).fetchall():
        yield [row for (row,) in rows]
        ((last,),) = rows[-1:]


def _chunks(rows: Sequence[int]) -> Iterator[list[int]]:
    """Some row numbers, chunk by chunk."""
    for first in range(0, len(rows), CHUNK):
        yield [*rows[first : first + CHUNK]]
