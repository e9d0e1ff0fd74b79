"""Two trails of one store made one: where a backup's head stands, and what follows it."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from pincli.store.rows import EVENT_COLUMNS

_HEAD = "SELECT seq, mac FROM {trail} ORDER BY seq DESC LIMIT 1"
# Each mac binds all before it: the first that differs is where the two part.
_PARTING = """
SELECT min(e.seq) FROM events e LEFT JOIN present.events p ON p.seq = e.seq
WHERE p.mac IS NOT e.mac
"""


class Joined(NamedTuple):
    """What became of two trails.

    Attributes:
        kept: Events of the present store that came after the backup.
        left_out: Events of the backup that are not in the trail any more.
    """

    kept: int
    left_out: int


def join_histories(connection: sqlite3.Connection) -> Joined:
    """Make the backup's trail the longer of the two, or where they part, the present one.

    The present store loses no event by a restore, and a head of it that was noted down
    still stands. With the trail go the keys that count at its end.

    Args:
        connection: The copy of the backup, with the present store attached as `present`.
    """
    here = connection.execute(_HEAD.format(trail="events")).fetchall()
    there = connection.execute(_HEAD.format(trail="present.events")).fetchall()
    if _stands_in(connection, "events", there):
        if not _stands_in(connection, "present.events", here):
            return Joined(0, 0)  # the present store is older than the backup
        first = there[0][0] + 1
    elif _stands_in(connection, "present.events", here):
        first = here[0][0] + 1
    else:
        ((first,),) = connection.execute(_PARTING).fetchall()
    left_out = connection.execute("DELETE FROM events WHERE seq >= ?", (first,)).rowcount
    kept = connection.execute(
        f"INSERT INTO events ({EVENT_COLUMNS}) "
        f"SELECT {EVENT_COLUMNS} FROM present.events WHERE seq >= ?",
        (first,),
    ).rowcount
    connection.execute(
        "UPDATE store SET (verify_key, audit_key, portal_key) = "
        "(SELECT verify_key, audit_key, portal_key FROM present.store)"
    )
    return Joined(kept, left_out)


def _stands_in(connection: sqlite3.Connection, trail: str, head: list[tuple[int, str]]) -> bool:
    """Whether a trail holds this head of another, or the other is empty."""
    if not head:
        return True
    query = f"SELECT 1 FROM {trail} WHERE seq = ? AND mac = ?"
    return bool(connection.execute(query, head[0]).fetchall())
