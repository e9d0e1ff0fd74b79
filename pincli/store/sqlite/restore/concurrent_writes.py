"""Taking in what others wrote into the present store while a restore was prepared.

The caller holds the writer lock by now, so only what changed since the copy is looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pincli.models import EventKind, Head, Texts, TrailEvent
from pincli.results import Restored
from pincli.rules.canonical import link_of, texts_digest
from pincli.rules.replay import Course, replayed
from pincli.rules.restoring import restored
from pincli.store.mark import Mark
from pincli.store.sql.rows import TRAIL, USER, USER_COLUMNS, placeholders
from pincli.store.sqlite.people import index_people
from pincli.store.sqlite.restore.records import (
    CHUNK,
    Suspects,
    keeps_pins,
    present_records,
    restored_event,
    write_records,
)
from pincli.store.sqlite.restore.sources import Candidate

_LINK = "SELECT link FROM present.trail WHERE number = ?"
_EVENTS_SINCE = f"SELECT {TRAIL} FROM present.trail NOT INDEXED WHERE number > ? ORDER BY number"
_TEXTS_SINCE = f"SELECT {', '.join(Texts._fields)} FROM present.texts WHERE number > ?"
_CHANGED_SINCE = "SELECT uid FROM present.people WHERE event > ?"
_ADDED_SINCE = "SELECT count(*) FROM present.trail WHERE number > ? AND kind = 'user_added'"
_CHANGED_UIDS = "uid IN (SELECT uid FROM main.trail NOT INDEXED WHERE number > ?)"
_PEOPLE = f"{USER}, seal"
_FRESH = ", ".join(f"{name} = excluded.{name}" for name in (*USER_COLUMNS, "seal"))
_COPIED = (
    "INSERT INTO main.trail SELECT * FROM present.trail WHERE number > ?",
    "INSERT INTO main.texts SELECT * FROM present.texts WHERE number > ?",
    "INSERT INTO main.notices SELECT * FROM present.notices WHERE number > ?",
    f"INSERT INTO main.people ({_PEOPLE}) SELECT {_PEOPLE} FROM present.people "
    f"WHERE {_CHANGED_UIDS} ON CONFLICT (id) DO UPDATE SET {_FRESH}",
)


def repair(
    candidate: Candidate,
    suspected: Suspects,
    path: Path,
    since: Head | None,
    mark: Mark | None,
) -> Restored | None:
    """Take in the present store: its trail goes on, and only records that are wrong change.

    Args:
        candidate: Has the present store's rows.
        suspected: Whose records were found to be wrong.
        path: The present store's database.
        since: Its head when it was copied; None if nobody wrote since.
        mark: This host's mark.

    Returns:
        None if it is another store by now, or if what was written since does not follow.
    """
    if since is not None:
        changed = _follow(candidate, path, since)
        if changed is None:
            return None
        suspected = suspected.joined_with(changed)
    seen = None if mark is None else mark.read()
    there = candidate.head()
    if not keeps_pins(candidate, seen, there):
        return None
    return write_records(candidate, seen, there, keeps=True, only=suspected)


def catch_up(
    candidate: Candidate, so_far: Restored, path: Path, since: Head, mark: Mark | None
) -> Restored | None:
    """Make the records of a backup as strict as what others wrote since the copy.

    Args:
        candidate: After `write_records`.
        so_far: What `write_records` did.
        path: The present store's database.
        since: Its head when it was copied.
        mark: This host's mark, if there is one.

    Returns:
        What was done, counting users who were added since the copy as gone; None, with nothing
        written, if it is another store by now.
    """
    connection = candidate.connection
    with _attached(connection, path, since) as is_same:
        if not is_same:
            return None
        connection.execute("BEGIN")
        transaction = candidate.transaction()
        seen = None if mark is None else mark.read()
        transaction.save([restored_event(seen, candidate.head("present"))])
        changed = connection.execute(_CHANGED_SINCE, (since.number,))
        while uids := [uid for (uid,) in changed.fetchmany(CHUNK)]:
            rows = connection.execute(
                f"SELECT id FROM main.people WHERE uid IN ({placeholders(uids)})", uids
            ).fetchall()
            users = transaction.users([row for (row,) in rows])
            present = present_records(connection, users)
            for user in users:
                there = present[user.uid]
                step = restored(user, present=there, keeps_pin=False, at=transaction.at)
                transaction.save(step)
        ((added,),) = connection.execute(_ADDED_SINCE, (since.number,)).fetchall()
        connection.execute("COMMIT")
    return so_far._replace(gone_users=so_far.gone_users + added)


def _follow(candidate: Candidate, path: Path, since: Head) -> Suspects | None:
    """Bring a candidate up to what others wrote since; return who changed."""
    connection = candidate.connection
    with _attached(connection, path, since) as is_same:
        courses = _replayed_since(connection, candidate.courses, since) if is_same else None
        if courses is None:
            return None
        connection.execute("BEGIN")
        try:
            for statement in _COPIED:
                connection.execute(statement, (since.number,))
            index_people(connection, _CHANGED_UIDS, (since.number,))
        except sqlite3.IntegrityError:
            return None
        finally:
            connection.execute("COMMIT")
        rows = connection.execute(f"SELECT id FROM people WHERE {_CHANGED_UIDS}", since[:1])
        return Suspects([row for (row,) in rows.fetchall()], courses)


@contextmanager
def _attached(connection: sqlite3.Connection, path: Path, since: Head) -> Iterator[bool]:
    """Attach the present store as it is now; gives whether its trail goes on from a head."""
    connection.execute("ATTACH ? AS present", (f"{path.absolute().as_uri()}?mode=ro",))
    try:
        yield connection.execute(_LINK, (since.number,)).fetchall() == [(since.link,)]
    finally:
        connection.execute("DETACH present")


def _replayed_since(
    connection: sqlite3.Connection, courses: Mapping[bytes, Course], since: Head
) -> dict[bytes, Course] | None:
    """The courses of users with events since a head; None if an event is wrong.

    The seal of the newest event is checked before the next one is written. If a user was erased
    since, the copy holds texts that must go: None too, so that the restore begins again.
    """
    texts = {row[0]: Texts._make(row) for row in connection.execute(_TEXTS_SINCE, since[:1])}
    replayed_courses: dict[bytes, Course] = {}
    ((archived,),) = connection.execute("SELECT start_number FROM main.store").fetchall()
    number, link = since
    for event in map(TrailEvent._make, connection.execute(_EVENTS_SINCE, since[:1])):
        number, link = number + 1, link_of(link, event)
        text = texts.pop(number, None)
        if (event.number, event.link) != (number, link) or event.kind == EventKind.ERASED:
            return None
        if event.texts != (texts_digest(text) if text else None):
            return None
        if event.uid is not None:
            before = replayed_courses.get(event.uid, courses.get(event.uid))
            course = replayed(event, before, archived=archived)
            if isinstance(course, str):
                return None
            replayed_courses[event.uid] = course
    return None if texts else replayed_courses
