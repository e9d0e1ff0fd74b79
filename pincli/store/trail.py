"""Reading the audit trail: filtered, page by page, and in order for checking it.

Every query is bounded, as a reader holds up writers: a filter without an index looks at a
stretch of the trail at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from pincli.models import Event, EventKind
from pincli.store.rows import EVENT_COLUMNS, event_from

PAGE = 500
STRETCH = 20_000
"""Events that one query looks at, at most."""
_LARGEST = 2**63 - 1  # what SQLite numbers rows with, at most

RawEvent = tuple[str | int | None, ...]


class EventFilter(NamedTuple):
    """Which events are wanted; None is any.

    Attributes:
        since: Not before this time, ISO 8601, UTC.
    """

    user: str | None = None
    account: str | None = None
    agent: str | None = None
    kind: EventKind | None = None
    since: str | None = None


class RecordMismatch(NamedTuple):
    """A user's record that is not as the user's last event left it.

    Attributes:
        field: Which column differs.
    """

    user: str
    field: str


def newest_first(
    connection: sqlite3.Connection, wanted: EventFilter, limit: int
) -> Iterator[list[Event]]:
    """Up to `limit` events, the newest first, in pages."""
    where, parameters = _conditions(wanted)
    lowest = _first_since(connection, wanted.since)
    last = head(connection)[0]
    while limit > 0 and last >= lowest:
        # By user there is an index; anything else is looked through a stretch at a time.
        floor = lowest if wanted.user is not None else max(lowest, last - STRETCH + 1)
        rows = connection.execute(
            f"SELECT {EVENT_COLUMNS} FROM events WHERE {where} AND seq <= ? AND seq >= ? "
            "ORDER BY seq DESC LIMIT ?",
            (*parameters, last, floor, min(PAGE, limit)),
        ).fetchall()
        if rows:
            yield [event_from(row) for row in rows]
        limit -= len(rows)
        last = _last_below(connection, rows[-1][0] if len(rows) == PAGE else floor)


def after(connection: sqlite3.Connection, seq: int, wanted: EventFilter) -> list[Event]:
    """The next events above a number, oldest first, at most a page of them."""
    where, parameters = _conditions(wanted)
    last, _ = head(connection)
    while seq < last:
        end = min(_first_above(connection, seq) + STRETCH - 1, last)
        rows = connection.execute(
            f"SELECT {EVENT_COLUMNS} FROM events WHERE {where} AND seq > ? AND seq <= ? "
            "ORDER BY seq LIMIT ?",
            (*parameters, seq, end, PAGE),
        ).fetchall()
        if rows:
            return [event_from(row) for row in rows]
        seq = end
    return []


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """The last event's number and mac; 0 and empty if there is none."""
    rows = connection.execute("SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1").fetchall()
    return rows[0] if rows else (0, "")


def raw_after(connection: sqlite3.Connection, seq: int) -> list[RawEvent]:
    """The next rows above a number as they stand, for checking their macs."""
    return connection.execute(
        f"SELECT {EVENT_COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
        (seq, PAGE),
    ).fetchall()


def mismatches_after(connection: sqlite3.Connection, row: int) -> tuple[int, list[RecordMismatch]]:
    """Compare a page of users with their last events.

    Every change of a PIN or a counter is an event that says what they became. So a record
    with another version or counter was written by something else: an old row put back, a
    counter set to 0.

    Returns:
        The last row looked at (0 at the end), and what differs.
    """
    rows = connection.execute(
        "SELECT u.id, u.user, u.pin_version, u.failed_attempts, e.pin_version, e.attempts_used "
        "FROM users u LEFT JOIN events e ON e.seq = "
        "(SELECT max(seq) FROM events WHERE user = u.user AND pin_version IS NOT NULL) "
        "WHERE u.id > ? ORDER BY u.id LIMIT ?",
        (row, PAGE),
    ).fetchall()
    found = []
    for _, user, version, used, last_version, last_used in rows:
        if version != last_version:
            found.append(RecordMismatch(user, "PIN version"))
        elif used != last_used:
            found.append(RecordMismatch(user, "attempts counter"))
    return (rows[-1][0] if rows else 0), found


def _conditions(wanted: EventFilter) -> tuple[str, list[str]]:
    conditions, parameters = ["TRUE"], []
    for column in ("user", "account", "agent", "kind"):
        value = getattr(wanted, column)
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(str(value))
    if wanted.since is not None:
        conditions.append("at >= ?")
        parameters.append(wanted.since)
    return " AND ".join(conditions), parameters


# From number to number that there is: somebody may have put a gap of billions into the trail.
def _last_below(connection: sqlite3.Connection, seq: int) -> int:
    """The highest number below another; -1 if there is none."""
    query = "SELECT coalesce(max(seq), -1) FROM events WHERE seq < ?"
    ((below,),) = connection.execute(query, (seq,)).fetchall()
    return int(below)


def _first_above(connection: sqlite3.Connection, seq: int) -> int:
    """The lowest number above another; the same number if there is none."""
    query = "SELECT coalesce(min(seq), ?) FROM events WHERE seq > ?"
    ((above,),) = connection.execute(query, (seq, seq)).fetchall()
    return int(above)


def _first_since(connection: sqlite3.Connection, since: str | None) -> int:
    """The lowest number among the events since a time: clocks may jump back."""
    if since is None:
        return 0
    ((seq,),) = connection.execute("SELECT min(seq) FROM events WHERE at >= ?", (since,)).fetchall()
    return _LARGEST if seq is None else int(seq)
