"""What signs of an attack are made of, page by page: nobody who writes waits for it.

Events of note have an index of their own. Right answers are in none that is by time: a wrong
one looks up the next outcome of its user, and calls are counted by going through the trail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pincli.models import EventKind
from pincli.rules.signs import Calls, Noted
from pincli.store.sql.rows import OF_NOTE, Rows, marks

_PAGE = 2_000
_STRETCH = 2_000
"""Events that one count of calls goes through."""
_STRETCHES = 5
"""How many of these a day at most; on a floor with more, calls are estimated from them."""
_MANY = 500


class _Piece(NamedTuple):
    """A table of events, and the names of its columns in a query."""

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


_NEW = _Piece(
    *("trail", "number", "trail_of_note", f"{OF_NOTE} AND ", "t.uid", "t.pin_version"),
    "coalesce((SELECT x.name FROM texts x WHERE x.number = t.number), t.note)",
    *("n.uid = t.uid", "trail_by_user"),
    "SELECT DISTINCT ticket FROM texts WHERE ticket IS NOT NULL AND number",
)
# The old trail knows people by login; those of schema 1 have the lowest rows.
_OLD = _Piece(
    *("old_events", "seq", "events_of_alarm"),
    "kind IN ('incorrect', 'abandoned', 'locked', 'unlocked', 'refused') AND ",
    '(SELECT p.uid FROM people p WHERE p.login = t."user" ORDER BY p.id LIMIT 1)',
    *("t.pin_version", "NULL", 'n."user" = t."user"', "events_by_user"),
    "SELECT DISTINCT ticket FROM old_events WHERE ticket IS NOT NULL AND seq",
)
_WITH_OUTCOME = (EventKind.INCORRECT, EventKind.UNLOCKED)
_WITH_WORD = (EventKind.REFUSED, EventKind.ACKNOWLEDGED)


class SqlSigns:
    """contract.Signs on SQL. Windows end at now: what is dated in the future counts in none."""

    def __init__(self, rows: Rows, *, with_old: bool) -> None:
        """Look for signs.

        Args:
            rows: How SQL is asked.
            with_old: Whether the store has events of schema 1.
        """
        self._rows = rows
        self._pieces = (_OLD, _NEW) if with_old else (_NEW,)

    def noted(self, kind: EventKind, since: str, now: str, *, outcome: str = "") -> list[Noted]:
        """The events of a kind, and of an outcome if one is given, in the order of the trail."""
        found = list[Noted]()
        for piece in self._pieces:
            query = self._noted(piece, kind, outcome)
            last, number = since, -1
            while page := self._rows(query, (last, number, now, _PAGE), Noted._make):
                found += page
                number, last = page[-1][:2]
        return sorted(found)

    def known_after(self, number: int) -> Iterator[Noted]:
        """The events above a number that are about a user, in order, a stretch at a time."""
        ((end,),) = self._rows("SELECT max(number) FROM trail")
        while number < (end or 0):
            ((above,),) = self._rows("SELECT min(number) FROM trail WHERE number > ?", (number,))
            last = above + _STRETCH
            for seq, at, agent, uid in self._rows(
                "SELECT number, at, agent, uid FROM trail NOT INDEXED "
                "WHERE number > ? AND number <= ? AND uid IS NOT NULL ORDER BY number",
                (number, last),
            ):
                yield Noted(seq, at, agent, uid, None, None)
            number = last

    def calls(self, since: str, until: str) -> Calls:
        """The right answers from a time to just before another, by account and by agent."""
        of_account, with_agent = Counter[str](), Counter[str]()
        for piece in self._pieces:
            first, last = (self._first_from(piece, at) for at in (since, until))
            for start, weight in _stretches(first, last):
                for account, agent, count in self._rows(
                    f"SELECT account, agent, count(*) FROM {piece.table} NOT INDEXED "
                    f"WHERE {piece.number} >= ? AND {piece.number} < ? AND kind = ? "
                    "AND at >= ? AND at < ? GROUP BY account, agent",
                    (start, min(start + _STRETCH, last), EventKind.VERIFIED.value, since, until),
                ):
                    of_account[account or ""] += count * weight
                    with_agent[agent] += count * weight
        return Calls(sum(with_agent.values()), of_account, with_agent)

    def people(self, uids: Sequence[bytes]) -> dict[bytes, tuple[str, str, int]]:
        """Login, account and PIN version of users as they are now, by uid."""
        found = {}
        for place in range(0, len(uids), _MANY):
            part = uids[place : place + _MANY]
            query = "SELECT uid, login, account, pin_version FROM people WHERE uid IN "
            for uid, *person in self._rows(f"{query}({marks(part)})", part):
                found[uid] = (*person,)
        return found

    def tickets(self, numbers: Sequence[int]) -> list[str]:
        """The tickets of some events, each once."""
        found = set[str]()
        for piece in self._pieces:
            for place in range(0, len(numbers), _MANY):
                part = numbers[place : place + _MANY]
                rows = self._rows(f"{piece.ticket} IN ({marks(part)})", part)
                found |= {ticket for (ticket,) in rows}
        return sorted(found)

    def reasons(self, numbers: Sequence[int]) -> dict[int, str]:
        """The reasons that were given for some events, by number."""
        if not numbers:
            return {}
        query = "SELECT number, reason FROM texts WHERE reason IS NOT NULL AND number IN "
        return dict(self._rows(f"{query}({marks(numbers)})", numbers))

    def _noted(self, piece: _Piece, kind: EventKind, outcome: str) -> str:
        """The query for a page: after a time and number, up to a time, so many."""
        then, of_outcome = "NULL", f"AND t.outcome = '{outcome}' " if outcome else ""
        word = piece.word if kind in _WITH_WORD else "NULL"
        if kind in _WITH_OUTCOME:
            then = (
                f"(SELECT n.kind || ' ' || n.at FROM {piece.table} n INDEXED BY {piece.by_user} "
                f"WHERE {piece.same_user} AND n.{piece.number} > t.{piece.number} "
                f"AND n.kind IN ('verified', 'incorrect') ORDER BY n.{piece.number} LIMIT 1)"
            )
        return (
            f"SELECT t.{piece.number}, t.at, t.agent, {piece.uid}, t.account, {piece.version}, "
            f"{word}, {then} FROM {piece.table} t INDEXED BY {piece.by_time} "
            f"WHERE {piece.of_note}kind = '{kind.value}' "
            f"AND (t.at, t.{piece.number}) > (?, ?) AND t.at <= ? "
            f"{of_outcome}ORDER BY t.at, t.{piece.number} LIMIT ?"
        )

    def _first_from(self, piece: _Piece, at: str) -> int:
        """The number of the first event from a time on; above the last one if there is none."""
        column = piece.number
        found: list[Any] = self._rows(
            f"SELECT {column} FROM {piece.table} WHERE at >= ? ORDER BY at, {column} LIMIT 1", (at,)
        ) or self._rows(f"SELECT coalesce(max({column}), 0) + 1 FROM {piece.table}")
        return int(found[0][0])


def _stretches(first: int, last: int) -> Iterator[tuple[int, float]]:
    """Where to count from `first` to before `last`, and how many events each one represents."""
    number = -(-(last - first) // _STRETCH)
    counted = min(number, _STRETCHES)
    for place in range(counted):
        yield first + number * place // counted * _STRETCH, number / counted
