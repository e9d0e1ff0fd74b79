"""What a restore makes of records, with an event for each that changes.

Only if nothing has happened since do PINs stay. Else all are withdrawn, and each user keeps
the stricter of both records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pincli.models import EventKind, Head, NewEvent, User
from pincli.results import Restored
from pincli.rules.restoring import lost, restored, taken_in
from pincli.store.contract import Restorer
from pincli.store.mark import Mark, Seen
from pincli.store.sql.rows import USER, marks, user_from
from pincli.store.sqlite.candidates import Candidate
from pincli.store.sqlite.transaction import SqliteTransaction

_CHUNK = 2000
_HEAD = "SELECT number, link FROM {}.trail ORDER BY number DESC LIMIT 1"
_MOVED = "SELECT kind FROM main.trail ORDER BY number DESC LIMIT 1"
_CHANGED_SINCE = "SELECT uid FROM present.people WHERE event > ?"
_CAME_SINCE = "SELECT count(*) FROM present.trail WHERE number > ? AND kind = 'user_added'"
_GONE = (
    "SELECT count(*) FROM present.people p "
    "WHERE NOT EXISTS (SELECT 1 FROM main.people m WHERE m.uid = p.uid)"
)


def write_records(
    connection: sqlite3.Connection,
    candidate: Candidate,
    restorer: Restorer,
    seen: Seen | None,
    there: Head | None,
) -> tuple[Restored, bool]:
    """Make the records those of after the restore, with an event for each that changes.

    Returns:
        What was done, and whether PINs were kept.
    """
    connection.execute("BEGIN")
    head = head_of(connection, "main")
    marked = None if seen is None else Head(seen.number, seen.link)
    # What was moved to a server goes on there, with the same PINs.
    moved = connection.execute(_MOVED).fetchall() == [(EventKind.MOVED.value,)]
    keeps = marked == head and (candidate.is_present or there == head) and not moved
    transaction = _transaction(connection, candidate, restorer)
    transaction.save([_restored_event(seen, there)])
    for kind, fingerprint in candidate.keys.items():
        restorer.name_key(transaction, kind, fingerprint)
        transaction = _transaction(connection, candidate, restorer)
    withdrawn = changed = last = 0
    courses = dict(candidate.courses)
    compare = there is not None and not candidate.is_present
    while rows := _rows_after(connection, last):
        last = rows[-1]
        found = transaction.found(rows)
        present = _present(connection, [user for user, _ in found]) if compare else {}
        events: list[NewEvent] = []
        for user, sound in found:
            course = courses.pop(user.uid, None)
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
    for uid, course in courses.items():
        transaction.save(lost(uid, course, at=transaction.at))
        changed += 1
    gone = connection.execute(_GONE).fetchall()[0][0] if compare else 0
    connection.execute("COMMIT")
    return Restored(withdrawn=withdrawn, changed=changed, gone_users=gone), keeps


def catch_up(
    connection: sqlite3.Connection,
    candidate: Candidate,
    restorer: Restorer,
    path: Path,
    since: Head,
    mark: Mark | None,
) -> int | None:
    """Take in what others did to the present store since it was copied.

    The caller holds the writer lock, so only records that changed are looked at.

    Args:
        connection: The candidate, after `write_records`.
        candidate: What is known of it.
        restorer: Who does what needs keys.
        path: The present store's database.
        since: Its head when it was copied.
        mark: This host's mark, if there is one.

    Returns:
        How many users came since, whom the candidate does not have; None, with nothing
        written, if the store is another one by now.
    """
    connection.execute("ATTACH ? AS present", (f"{path.absolute().as_uri()}?mode=ro",))
    try:
        link = connection.execute(
            "SELECT link FROM present.trail WHERE number = ?", (since.number,)
        ).fetchall()
        if link != [(since.link,)]:
            return None
        connection.execute("BEGIN")
        transaction = _transaction(connection, candidate, restorer)
        seen = None if mark is None else mark.read()
        transaction.save([_restored_event(seen, head_of(connection, "present"))])
        changed = connection.execute(_CHANGED_SINCE, (since.number,))
        while uids := [uid for (uid,) in changed.fetchmany(_CHUNK)]:
            rows = connection.execute(
                f"SELECT id FROM main.people WHERE uid IN ({marks(uids)})", uids
            ).fetchall()
            users = transaction.users([row for (row,) in rows])
            present = _present(connection, users)
            for user in users:
                there = present[user.uid]
                step = restored(user, present=there, keeps_pin=False, at=transaction.at)
                transaction.save(step)
        ((came,),) = connection.execute(_CAME_SINCE, (since.number,)).fetchall()
        connection.execute("COMMIT")
    finally:
        connection.execute("DETACH present")
    return int(came)


def head_of(connection: sqlite3.Connection, database: str) -> Head | None:
    """The last event of an attached database; None if it has none."""
    found = connection.execute(_HEAD.format(database)).fetchall()
    return Head(*found[0]) if found else None


def _restored_event(seen: Seen | None, there: Head | None) -> NewEvent:
    """The event that clears the refusal of a store that this host has seen newer or otherwise."""
    marked = None if seen is None else Head(seen.number, seen.link)
    heads = (("mark", marked), ("aside", there))
    note = " ".join(f"{what} {each}" for what, each in heads if each is not None)
    return NewEvent(EventKind.RESTORED, note=note or None)


def _had_pin(user: User, present: User | None) -> bool:
    return user.question is not None or (present is not None and present.question is not None)


def _transaction(
    connection: sqlite3.Connection, candidate: Candidate, restorer: Restorer
) -> SqliteTransaction:
    """What records events in a candidate, with the keys that it names now."""
    return SqliteTransaction(
        connection, candidate.database, sealers=restorer.sealers, origin=restorer.origin
    )


def _rows_after(connection: sqlite3.Connection, row: int) -> list[int]:
    query = "SELECT id FROM people WHERE id > ? ORDER BY id LIMIT ?"
    return [found for (found,) in connection.execute(query, (row, _CHUNK)).fetchall()]


def _present(connection: sqlite3.Connection, users: Sequence[User]) -> dict[bytes, User]:
    """The present store's records of users, by uid."""
    uids = [user.uid for user in users]
    rows = connection.execute(
        f"SELECT {USER} FROM present.people WHERE uid IN ({marks(uids)})", uids
    ).fetchall()
    return {user.uid: user for user in map(user_from, rows)}
