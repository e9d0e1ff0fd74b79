"""Queries for signs of an attack, page by page, so that no writer waits for long.

Wrong answers and other rare events have an index by time. Right answers have none: each wrong
answer looks up its user's next outcome, and calls are counted by scanning parts of the trail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pincli.models import EventKind
from pincli.rules.slips import Calls, Known, SignEvent
from pincli.store.sql.rows import OF_NOTE, Rows, placeholders

_PAGE = 2_000
_STRETCH = 2_000
"""Events in one scan for calls."""
_STRETCHES = 5
"""The most scans a day; with more events than that, calls are estimated from a sample."""
_MANY = 500


class _EventTable(NamedTuple):
    """A table of events, and the SQL for its columns."""

    table: str
    number: str
    by_time: str
    of_note: str
    uid: str
    version: str
    word: str
    same_user: str
    by_user: str
    ticket: str


_NEW = _EventTable(
    *("trail", "number", "trail_of_note", f"{OF_NOTE} AND ", "t.uid", "t.pin_version"),
    "coalesce((SELECT x.name FROM texts x WHERE x.number = t.number), t.note)",
    *("n.uid = t.uid", "trail_by_user"),
    "SELECT DISTINCT ticket FROM texts WHERE ticket IS NOT NULL AND number",
)
# Events of schema 1 name a login; the users of schema 1 have the lowest rows.
_OLD = _EventTable(
    *("old_events", "seq", "events_of_alarm"),
    "kind IN ('incorrect', 'abandoned', 'locked', 'unlocked', 'refused') AND ",
    '(SELECT p.uid FROM people p WHERE p.login = t."user" ORDER BY p.id LIMIT 1)',
    *("t.pin_version", "NULL", 'n."user" = t."user"', "events_by_user"),
    "SELECT DISTINCT ticket FROM old_events WHERE ticket IS NOT NULL AND seq",
)
_WITH_OUTCOME = (EventKind.INCORRECT, EventKind.UNLOCKED)
_WITH_WORD = (EventKind.REFUSED, EventKind.ACKNOWLEDGED)


class SqlSigns:
    """contract.Signs on SQL; `with_old` if the store has events of schema 1.

    Windows end now: events dated in the future don't count.
    """

    def __init__(self, rows: Rows, *, with_old: bool) -> None:
        self._rows = rows
        self._event_tables = (_OLD, _NEW) if with_old else (_NEW,)

    def noted(self, kind: EventKind, since: str, now: str, *, outcome: str = "") -> list[SignEvent]:
        """Return the events of a kind, and of an outcome if given, by number."""
        found = list[SignEvent]()
        for events in self._event_tables:
            query = self._noted(events, kind, outcome)
            last, number = since, -1
            while page := self._rows(query, (last, number, now, _PAGE), SignEvent._make):
                found += page
                number, last = page[-1][:2]
        return sorted(found)

    def known_after(self, number: int) -> Iterator[list[Known]]:
        """Yield the events about users after a number, in order, by pages."""
        ((end,),) = self._rows("SELECT max(number) FROM trail")
        while number < (end or 0):
            ((above,),) = self._rows("SELECT min(number) FROM trail WHERE number > ?", (number,))
            last = above + _STRETCH
            page = self._rows(
                "SELECT number, at, agent FROM trail NOT INDEXED "
                "WHERE number > ? AND number <= ? AND uid IS NOT NULL ORDER BY number",
                (number, last),
            )
            if page:
                yield page
            number = last

    def calls(self, since: str, until: str) -> Calls:
        """Count the right answers in a time span, by account and by agent."""
        of_account, with_agent = Counter[str](), Counter[str]()
        for events in self._event_tables:
            first, last = (self._first_from(events, at) for at in (since, until))
            for start, weight in _stretches(first, last):
                for account, agent, count in self._rows(
                    f"SELECT account, agent, count(*) FROM {events.table} NOT INDEXED "
                    f"WHERE {events.number} >= ? AND {events.number} < ? AND kind = ? "
                    "AND at >= ? AND at < ? GROUP BY account, agent",
                    (start, min(start + _STRETCH, last), EventKind.VERIFIED.value, since, until),
                ):
                    of_account[account or ""] += count * weight
                    with_agent[agent] += count * weight
        return Calls(sum(with_agent.values()), of_account, with_agent)

    def people(self, uids: Sequence[bytes]) -> dict[bytes, tuple[str, str, int]]:
        """Return the present login, account and PIN version of users, by uid."""
        found = {}
        for place in range(0, len(uids), _MANY):
            part = uids[place : place + _MANY]
            query = "SELECT uid, login, account, pin_version FROM people WHERE uid IN "
            for uid, *person in self._rows(f"{query}({placeholders(part)})", part):
                found[uid] = (*person,)
        return found

    def tickets(self, numbers: Sequence[int]) -> list[str]:
        """Return the distinct tickets of some events."""
        found = set[str]()
        for events in self._event_tables:
            for place in range(0, len(numbers), _MANY):
                part = numbers[place : place + _MANY]
                rows = self._rows(f"{events.ticket} IN ({placeholders(part)})", part)
                found |= {ticket for (ticket,) in rows}
        return sorted(found)

    def reasons(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return the reasons of some events, by number."""
        if not numbers:
            return {}
        query = "SELECT number, reason FROM texts WHERE reason IS NOT NULL AND number IN "
        return dict(self._rows(f"{query}({placeholders(numbers)})", numbers))

    def _noted(self, events: _EventTable, kind: EventKind, outcome: str) -> str:
        """Return the query for a page; parameters: time and number before it, last time, limit."""
        then, of_outcome = "NULL", f"AND t.outcome = '{outcome}' " if outcome else ""
        word = events.word if kind in _WITH_WORD else "NULL"
        if kind in _WITH_OUTCOME:
            then = (
                f"(SELECT n.kind || ' ' || n.at FROM {events.table} n INDEXED BY {events.by_user} "
                f"WHERE {events.same_user} AND n.{events.number} > t.{events.number} "
                f"AND n.kind IN ('verified', 'incorrect') ORDER BY n.{events.number} LIMIT 1)"
            )
        return (
            f"SELECT t.{events.number}, t.at, t.agent, {events.uid}, t.account, {events.version}, "
            f"{word}, {then} FROM {events.table} t INDEXED BY {events.by_time} "
            f"WHERE {events.of_note}kind = '{kind.value}' "
            f"AND (t.at, t.{events.number}) > (?, ?) AND t.at <= ? "
            f"{of_outcome}ORDER BY t.at, t.{events.number} LIMIT ?"
        )

    def _first_from(self, events: _EventTable, at: str) -> int:
        """Return the number of the first event from a time on, or one above the last event."""
        column = events.number
        found: list[Any] = self._rows(
            f"SELECT {column} FROM {events.table} WHERE at >= ? ORDER BY at, {column} LIMIT 1",
            (at,),
        ) or self._rows(f"SELECT coalesce(max({column}), 0) + 1 FROM {events.table}")
        return int(found[0][0])


def _stretches(first: int, last: int) -> Iterator[tuple[int, float]]:
    """Yield where to scan from `first` to before `last`, and the weight of each scan."""
    number = -(-(last - first) // _STRETCH)
    counted = min(number, _STRETCHES)
    for place in range(counted):
        yield first + number * place // counted * _STRETCH, number / counted
