"""Queries about the audit trail: filtered, page by page, and in order for checking it.

On SQLite an open read holds up writers, so every query is bounded: a filter without an index
scans a part of the trail at a time. A store from schema 1 has two tables of events, numbered
consecutively.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pincli.models import EventKind, Head, Start, Texts, TrailEvent
from pincli.results import Event, EventFilter
from pincli.store.sql.rows import (
    EVENT,
    LAST_SEALED,
    LISTED,
    OF_NOTE,
    OLD_EVENT,
    START,
    TRAIL,
    Row,
    Rows,
    SpoiltRow,
    placeholders,
)

if TYPE_CHECKING:
    from pincli.store.questions import OldEvent

PAGE = 500
STRETCH = 20_000
"""The most events that one query scans."""
_LARGEST = 2**63 - 1  # the highest row number of SQLite
# A look-up is five times as fast as calling the enum.
_KINDS = {kind.value: kind for kind in EventKind}


class _EventTable(NamedTuple):
    """A table of events, and the SQL for its columns."""

    table: str
    listed: str
    columns: str
    number: str
    at: str
    account: str
    agent: str
    kind: str
    command: str
    ticket: str

    @property
    def column(self) -> str:
        """The number's column, where no other table is joined."""
        return self.number.removeprefix("t.")


_NEW = _EventTable(
    *("trail", LISTED, EVENT, "t.number", "t.at", "t.account", "t.agent"),
    *("t.kind", "t.command", "x.ticket"),
)
_OLD = _EventTable(
    *("old_events", "old_events", OLD_EVENT, "seq", "at", "account", "agent"),
    *("kind", "command", "ticket"),
)


class SqlTrail:
    """contract.Trail on SQL; `with_old` if the store has events of schema 1."""

    def __init__(self, rows: Rows, *, with_old: bool) -> None:
        self._rows = rows
        self._event_tables = (_OLD, _NEW) if with_old else (_NEW,)

    def newest_first(self, wanted: EventFilter, *, limit: int) -> Iterator[list[Event]]:
        """Yield up to `limit` events, the newest first, in pages."""
        for events in reversed(self._event_tables):
            where, parameters = self._conditions(events, wanted)
            lowest, last = self._bounds(events, wanted)
            while limit > 0 and last >= lowest:
                floor = self._floor(wanted, lowest, last)
                page = self._page(
                    events, where, (*parameters, last, floor, min(PAGE, limit)), newest=True
                )
                if page:
                    yield page
                limit -= len(page)
                last = self._last_below(events, page[-1].seq if len(page) == PAGE else floor)

    def after(self, seq: int, wanted: EventFilter) -> list[Event]:
        """Return the next events after a number, the oldest first, at most a page."""
        for events in self._event_tables:
            where, parameters = self._conditions(events, wanted)
            lowest, last = self._bounds(events, wanted)
            seq = max(seq, lowest - 1)
            while seq < last:
                end = min(self._first_above(events, seq) + STRETCH - 1, last)
                page = self._page(events, where, (*parameters, end, seq + 1, PAGE), newest=False)
                if page:
                    return page
                seq = end
        return []

    def count(self, wanted: EventFilter, *, up_to: int) -> int:
        """Count the events up to a number."""
        total = 0
        for events in self._event_tables:
            lowest, last = self._bounds(events, wanted)
            last = min(last, up_to)
            if wanted == EventFilter(after=wanted.after):  # numbers have no gap
                total += max(0, last - max(lowest, self._bound(events, "min", last + 1)) + 1)
                continue
            where, parameters = self._conditions(events, wanted)
            # Without need, SQLite would look up each event's user and texts.
            table = f"{events.table} t" if wanted.ticket is None else events.listed
            query = (
                f"SELECT count(*) FROM {table} WHERE {where} "
                f"AND {events.number} <= ? AND {events.number} >= ?"
            )
            while last >= lowest:
                floor = self._floor(wanted, lowest, last)
                ((found,),) = self._rows(query, (*parameters, last, floor))
                total += int(found)
                last = self._last_below(events, floor)
        return total

    def last_audit(self) -> str | None:
        """Return when the whole trail was last found sound, ISO 8601, UTC."""
        query = f"SELECT max(at) FROM trail WHERE {OF_NOTE} AND kind = ?"
        ((at,),) = self._rows(query, (EventKind.AUDITED.value,))
        return None if at is None else str(at)

    def notices_waiting(self) -> int:
        """Count the locks that wait for the hook; 0 if no host has one."""
        numbers = {number for (number,) in self._rows("SELECT number FROM notices")}
        return len(numbers) - 1 if 0 in numbers else 0

    def began(self) -> str:
        """Return when the store was made, ISO 8601, UTC."""
        ((at,),) = self._rows("SELECT created_at FROM store", ())
        return str(at)

    def dated_after(self, at: str) -> int:
        """Count the events dated after a time."""
        ((count,),) = self._rows("SELECT count(*) FROM trail WHERE at > ?", (at,))
        return int(count)

    def first_dated(self, since: str, until: str) -> tuple[int, str] | None:
        """Return number and time of the first event dated within a span, by number."""
        for events in self._event_tables:
            number, end = self._bound(events, "min", 1) - 1, self._bound(events, "max", 0)
            while number < end:
                last = self._first_above(events, number) + STRETCH - 1
                found = self._rows(
                    f"SELECT {events.column}, at FROM {events.table} NOT INDEXED "
                    f"WHERE {events.column} > ? AND {events.column} <= ? AND at >= ? AND at <= ? "
                    f"ORDER BY {events.column} LIMIT 1",
                    (number, last, since, until),
                )
                if found:
                    return int(found[0][0]), str(found[0][1])
                number = last
        return None

    def last_dated_before(self, at: str, below: int | None) -> int:
        """Return the number of the last event before a time, below a number; 0 if none is."""
        for events in reversed(self._event_tables):
            last = self._last_below(events, _LARGEST if below is None else below)
            while last > 0:
                ((found,),) = self._rows(
                    f"SELECT max({events.column}) FROM {events.table} NOT INDEXED "
                    f"WHERE {events.column} > ? AND {events.column} <= ? AND at < ?",
                    (last - STRETCH, last, at),
                )
                if found is not None:
                    return int(found)
                last = self._last_below(events, last - STRETCH + 1)
        return 0

    def is_dated_before(self, at: str, *, above: int) -> bool:
        """Whether an event above a number is dated before a time."""
        for events in self._event_tables:
            query = f"SELECT 1 FROM {events.table} WHERE at < ? AND {events.column} > ? LIMIT 1"
            if self._rows(query, (at, above)):
                return True
        return False

    def raw_after(self, number: int) -> list[TrailEvent]:
        """Return the next events after a number unchanged, by row number, for checking."""
        query = f"SELECT {TRAIL} FROM trail NOT INDEXED WHERE number > ? ORDER BY number LIMIT ?"
        return self._rows(query, (number, PAGE), TrailEvent._make)

    def texts_of(self, first: int, last: int) -> dict[int, Texts]:
        """Return the free texts of a range of events, by number."""
        query = f"SELECT {', '.join(Texts._fields)} FROM texts WHERE number BETWEEN ? AND ?"
        return {texts.number: texts for texts in self._rows(query, (first, last), _texts)}

    def old_events_of(self, login: str) -> tuple[int, str | None]:
        """Count the events of schema 1 with a login, and return the time of the last."""
        if _OLD not in self._event_tables:
            return 0, None
        ((count, last),) = self._rows(
            'SELECT count(*), max(at) FROM old_events WHERE "user" = ?', (login,)
        )
        return int(count), last

    def old_after(self, seq: int) -> list[OldEvent]:
        """Return the next events of schema 1 after a number, unchanged."""
        if _OLD not in self._event_tables:
            return []
        query = f"SELECT {OLD_EVENT} FROM old_events WHERE seq > ? ORDER BY seq LIMIT ?"
        return cast("list[OldEvent]", self._rows(query, (seq, PAGE)))

    def head(self) -> Head:
        """Return the last event's number and link."""
        query = "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1"
        found = self._rows(query, (), Head._make)
        return cast(Head, found[0]) if found else Head(*self.start()[:2])

    def last_sealed(self) -> Start:
        """Return the newest event with a seal, or else the start."""
        found = self._rows(LAST_SEALED, (), Start._make)
        return cast(Start, found[0]) if found else self.start()

    def start(self) -> Start:
        """Return the sealed start of the trail."""
        (start,) = self._rows(START, (), _start)
        return cast(Start, start)

    def epoch(self) -> int:
        """Return the number of restores on a server."""
        ((epoch,),) = self._rows("SELECT epoch FROM store")
        return int(epoch)

    def _page(
        self, events: _EventTable, where: str, parameters: tuple[Any, ...], *, newest: bool
    ) -> list[Event]:
        order = "DESC" if newest else "ASC"
        return self._rows(
            f"SELECT {events.columns} FROM {events.listed} WHERE {where} "
            f"AND {events.number} <= ? AND {events.number} >= ? "
            f"ORDER BY {events.number} {order} LIMIT ?",
            parameters,
            _event_from,
        )

    def _conditions(self, events: _EventTable, wanted: EventFilter) -> tuple[str, list[Any]]:
        conditions, parameters = ["TRUE"], list[Any]()
        if wanted.user is not None:
            condition, names = self._about(events, wanted.user)
            conditions.append(condition)
            parameters += names
        for column, value in (
            (events.account, wanted.account),
            (events.agent, wanted.agent),
            (events.ticket, wanted.ticket),
        ):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value)
        if wanted.kind is not None:
            conditions.append(f"({events.kind} = ? OR {events.command} = ?)")
            parameters += [str(wanted.kind)] * 2
        for compared, at in ((">=", wanted.since), ("<=", wanted.until)):
            if at is not None:
                conditions.append(f"{events.at} {compared} ?")
                parameters.append(at)
        return " AND ".join(conditions), parameters

    def _about(self, events: _EventTable, login: str) -> tuple[str, list[Any]]:
        """Return the condition for events about a login's users, or about an unknown name."""
        if events is _OLD:
            return '"user" = ?', [login]
        uids = self._rows("SELECT uid FROM people WHERE login = ?", (login,), _first)
        if uids:
            return f"t.uid IN ({placeholders(uids)})", uids
        return "t.number IN (SELECT number FROM texts WHERE name = ?)", [login]

    # From one existing number to the next: the trail may be tampered, with a gap of billions.
    def _last_below(self, events: _EventTable, number: int) -> int:
        """Return the highest number below another, or -1."""
        query = f"SELECT max({events.column}) FROM {events.table} WHERE {events.column} < ?"
        ((below,),) = self._rows(query, (number,))
        return -1 if below is None else int(below)

    def _first_above(self, events: _EventTable, number: int) -> int:
        """Return the lowest number above another, or the same number."""
        query = f"SELECT min({events.column}) FROM {events.table} WHERE {events.column} > ?"
        ((above,),) = self._rows(query, (number,))
        return number if above is None else int(above)

    def _bound(self, events: _EventTable, which: str, otherwise: int) -> int:
        ((bound,),) = self._rows(f"SELECT {which}({events.column}) FROM {events.table}")
        return otherwise if bound is None else int(bound)

    def _bounds(self, events: _EventTable, wanted: EventFilter) -> tuple[int, int]:
        """Return the lowest and the highest number that may match; clocks may jump back."""
        lowest = 0 if wanted.after is None else min(wanted.after, _LARGEST - 1) + 1
        highest = self._bound(events, "max", 0)
        if wanted.since is not None:
            query = f"SELECT min({events.column}) FROM {events.table} WHERE at >= ?"
            ((number,),) = self._rows(query, (wanted.since,))
            lowest = max(lowest, _LARGEST if number is None else int(number))
        if wanted.until is not None:
            query = f"SELECT max({events.column}) FROM {events.table} WHERE at <= ?"
            ((number,),) = self._rows(query, (wanted.until,))
            highest = -1 if number is None else int(number)
        return lowest, highest

    def _floor(self, wanted: EventFilter, lowest: int, last: int) -> int:
        """Return how far down one query scans; for a user, an index makes it unlimited."""
        return lowest if wanted.user is not None else max(lowest, last - STRETCH + 1)


def _first(row: Any) -> Any:
    return row[0]


def _start(row: Row) -> Start:
    if None in row:
        raise SpoiltRow("the store does not say where its trail begins")
    return Start._make(row)


def _texts(row: Row) -> Texts:
    texts = Texts._make(row)
    if row[1] is None:
        raise SpoiltRow(f"the texts of event {texts.number} have no blind")
    return texts


def _event_from(row: Row) -> Event:
    """Return the event in a row of EVENT."""
    seq, at, agent, command, kind, *rest = row
    known = _KINDS.get(kind)
    if known is None:
        raise SpoiltRow(f"event {seq} has a kind that pincli does not know")
    if isinstance(rest[-1], bytes):  # a link; the mac of schema 1 is a text
        rest[-1] = rest[-1].hex()
    return Event(seq, at, agent, command, known, *rest)
