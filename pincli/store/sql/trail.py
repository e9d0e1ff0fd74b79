"""Questions about the audit trail: filtered, page by page, and in order for checking it.

Every query is bounded, as a reader holds up writers: a filter without an index looks at a
stretch of the trail at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from pincli.models import Event, EventFilter
from pincli.store.contract import RawEvent, RecordMismatch
from pincli.store.sql.rows import EVENT, Rows, event_from

PAGE = 500
STRETCH = 20_000
"""Events that one query looks at, at most."""
_LARGEST = 2**63 - 1  # what SQLite numbers rows with, at most
_HEAD = "SELECT seq, mac FROM events ORDER BY seq DESC LIMIT 1"


class SqlTrail:
    """contract.Trail on SQL."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def newest_first(self, wanted: EventFilter, *, limit: int) -> Iterator[list[Event]]:
        """Up to `limit` events, the newest first, in pages."""
        where, parameters = _conditions(wanted)
        lowest = self._first_since(wanted.since)
        last = self.head()[0]
        while limit > 0 and last >= lowest:
            # By user there is an index; anything else is looked through a stretch at a time.
            floor = lowest if wanted.user is not None else max(lowest, last - STRETCH + 1)
            page = self._rows(
                f"SELECT {EVENT} FROM events WHERE {where} AND seq <= ? AND seq >= ? "
                "ORDER BY seq DESC LIMIT ?",
                (*parameters, last, floor, min(PAGE, limit)),
                event_from,
            )
            if page:
                yield page
            limit -= len(page)
            last = self._last_below(page[-1].seq if len(page) == PAGE else floor)

    def after(self, seq: int, wanted: EventFilter) -> list[Event]:
        """The next events above a number, oldest first, at most a page of them."""
        where, parameters = _conditions(wanted)
        last, _ = self.head()
        while seq < last:
            end = min(self._first_above(seq) + STRETCH - 1, last)
            page = self._rows(
                f"SELECT {EVENT} FROM events WHERE {where} AND seq > ? AND seq <= ? "
                "ORDER BY seq LIMIT ?",
                (*parameters, seq, end, PAGE),
                event_from,
            )
            if page:
                return page
            seq = end
        return []

    def raw_after(self, seq: int) -> list[RawEvent]:
        """The next rows above a number as they are, for checking their macs."""
        query = f"SELECT {EVENT} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        return cast(list[RawEvent], self._rows(query, (seq, PAGE)))

    def head(self) -> tuple[int, str]:
        """The last event's number and mac; 0 and empty if there is none."""
        found = self._rows(_HEAD)
        return found[0] if found else (0, "")

    def count(self) -> int:
        """How many events there are."""
        ((count,),) = self._rows("SELECT count(*) FROM events")
        return int(count)

    def mismatches_after(self, row: int) -> tuple[int, list[RecordMismatch]]:
        """Compare a page of users with their last events.

        Every change of a PIN or a counter is an event that says what they became. So a record
        with another version or counter was written by something else: an old row put back, a
        counter set to 0.
        """
        rows = self._rows(
            "SELECT u.id, u.user, u.pin_version, u.failed_attempts, e.pin_version, "
            "e.attempts_used FROM users u LEFT JOIN events e ON e.seq = "
            "(SELECT max(seq) FROM events WHERE user = u.user AND pin_version IS NOT NULL) "
            "WHERE u.id > ? ORDER BY u.id LIMIT ?",
            (row, PAGE),
        )
        found = []
        for _, login, version, used, last_version, last_used in rows:
            if version != last_version:
                found.append(RecordMismatch(login, "PIN version"))
            elif used != last_used:
                found.append(RecordMismatch(login, "attempts counter"))
        return (rows[-1][0] if rows else 0), found

    # From number to number that there is: somebody may have put a gap of billions into the trail.
    def _last_below(self, seq: int) -> int:
        """The highest number below another; -1 if there is none."""
        ((below,),) = self._rows("SELECT coalesce(max(seq), -1) FROM events WHERE seq < ?", (seq,))
        return int(below)

    def _first_above(self, seq: int) -> int:
        """The lowest number above another; the same number if there is none."""
        ((above,),) = self._rows("SELECT min(seq) FROM events WHERE seq > ?", (seq,))
        return seq if above is None else int(above)

    def _first_since(self, since: str | None) -> int:
        """The lowest number among the events since a time: clocks may jump back."""
        if since is None:
            return 0
        ((seq,),) = self._rows("SELECT min(seq) FROM events WHERE at >= ?", (since,))
        return _LARGEST if seq is None else int(seq)


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
