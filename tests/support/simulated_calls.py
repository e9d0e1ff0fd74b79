"""A simulated support floor: weeks of honest calls, and fifteen attacks.

Times are seconds from a Monday at midnight. Callers slip, forget and give up as people do; an
attacker's answers are wrong. `lay` writes the events into a store.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from pincli.models import TrailEvent
from pincli.rules.canonical import link_of
from tests.support.desk import Desk
from tests.support.served import ServedDesk

MINUTE, HOUR, DAY = 60, 3600, 86400
MONDAY = datetime(2026, 8, 3, tzinfo=UTC)
OPENS = 9 * HOUR


class Happened(NamedTuple):
    """An event on the floor.

    Attributes:
        what: `wrong`, `right`, `locked`, `unlocked` or `unknown`.
        user: None for an unknown name.
    """

    at: float
    what: str
    user: int | None
    account: int | None
    agent: str


class Floor:
    """Agents, accounts from large to small, and customers who call and slip at their own rates."""

    def __init__(
        self, seed: int, *, agents: int = 50, calls: int = 60, users: int = 20_000
    ) -> None:
        self.chance = chance = random.Random(seed)
        self.agents = [f"agent{number:02}" for number in range(agents)]
        self.calls = calls
        weights = [(place + 1) ** -0.9 for place in range(max(users // 67, 5))]
        self.members: list[list[int]] = []
        self.account_of: list[int] = []
        for account, weight in enumerate(weights):
            size = max(2, round(users * weight / sum(weights)))
            self.members.append([*range(len(self.account_of), len(self.account_of) + size)])
            self.account_of += [account] * size
        everybody = len(self.account_of)
        self._calls_of = [*accumulate(chance.lognormvariate(0, 1) for _ in range(everybody))]
        self._slips = [min(0.5, chance.expovariate(25)) for _ in range(everybody)]
        self._hurry = {agent: chance.lognormvariate(-0.045, 0.3) for agent in self.agents}
        self._typos = {agent: 0.02 * chance.lognormvariate(-0.08, 0.4) for agent in self.agents}

    def caller(self) -> int:
        """A user, chosen by how often each one calls."""
        (user,) = self.chance.choices(range(len(self.account_of)), cum_weights=self._calls_of)
        return user

    def weeks(self, number: int) -> list[Happened]:
        """This many weeks of honest calls, Mondays to Fridays."""
        again: list[tuple[float, int]] = []
        counters: dict[int, int] = {}
        happened: list[Happened] = []
        for day in range(7 * number):
            if day % 7 > 4:
                continue
            opens = day * DAY + OPENS
            calls = [
                (opens + each * 8 * HOUR / self.calls + self.chance.uniform(0, 4 * MINUTE), agent,
                 self.caller(), False)
                for agent in self.agents
                for each in range(self.calls)
            ]  # fmt: skip
            due = [each for each in again if each[0] < (day + 1) * DAY]
            again = [each for each in again if each[0] >= (day + 1) * DAY]
            calls += [(at, self.chance.choice(self.agents), user, True) for at, user in due]
            for at, agent, user, unlocked in sorted(calls):
                calls_again = self._call(happened, counters, at, agent, user, after=unlocked)
                again += [(calls_again, user)] if calls_again else []
        return sorted(happened)

    def _call(
        self,
        happened: list[Happened],
        counters: dict[int, int],
        at: float,
        agent: str,
        user: int,
        *,
        after: bool,
    ) -> float | None:
        """One call; when the caller calls again, once unlocked, if this call locked them."""
        chance, account = self.chance, self.account_of[user]

        def note(what: str, moment: float, by: str = agent) -> None:
            happened.append(Happened(moment, what, user, account, by))

        if not after and chance.random() < self._typos[agent]:
            happened.append(Happened(at, "unknown", None, None, agent))
            if chance.random() < 0.1:
                return None
            at += chance.uniform(10, 60)
        if counters.get(user, 0) == 6:
            return None
        if chance.random() >= (0.02 if after else self._slips[user] * self._hurry[agent]):
            counters[user] = 0
            note("right", at)
            return None
        mood = chance.random()
        tries = 6 if mood < 0.06 else chance.randint(1, 3) if mood < 0.14 else 0
        given = 0
        while True:
            given += 1
            counters[user] = counters.get(user, 0) + 1
            note("wrong", at)
            at += chance.uniform(15, 40)
            if counters[user] == 6:
                break
            if tries and given == tries:
                return None
            if not tries and chance.random() < 0.75:
                counters[user] = 0
                note("right", at)
                return None
        note("locked", at)
        soon = chance.random() < 0.8
        opened = at + (
            chance.uniform(10 * MINUTE, 2 * HOUR) if soon else chance.uniform(1, 5) * DAY
        )
        note("unlocked", opened, "portal")
        counters[user] = 0
        return opened + chance.uniform(5 * MINUTE, HOUR)


Attack = Callable[[Floor, float], Iterator[Happened]]


def guesses(
    floor: Floor, at: float, user: int, number: int, agent: str | None = None, apart: float = 30
) -> Iterator[Happened]:
    """Wrong answers for one user."""
    agent = agent or floor.chance.choice(floor.agents)
    for each in range(number):
        yield Happened(at + each * apart, "wrong", user, floor.account_of[user], agent)


def _sweep(account: Callable[[Floor], list[int]], days: int) -> Attack:
    """Twenty users of an account, five guesses each, in two hours or over ten days."""

    def attack(floor: Floor, at: float) -> Iterator[Happened]:
        for place, user in enumerate(floor.chance.sample(account(floor), 20)):
            begins = at + (place * 360 if days == 1 else place // 2 * DAY + place % 2 * 2 * HOUR)
            yield from guesses(floor, begins, user, 5)

    return attack


def _one_each(a_day: int, days: int, by: str = "", right_after: bool = False) -> Attack:
    """One guess for each of many users, by any agent or by one who then asks for the PIN."""

    def attack(floor: Floor, at: float) -> Iterator[Happened]:
        for each in range(a_day * days):
            moment = at + each // a_day * DAY + each % a_day * 6 * HOUR / a_day
            (guess,) = guesses(floor, moment, floor.caller(), 1, by and floor.agents[3])
            yield guess
            if right_after:
                yield guess._replace(at=moment + 40, what="right")

    return attack


def _every_day(number: int, days: int, *, locks: bool) -> Attack:
    """Guesses for one user every day: the owner verifies, or unlocks, in between."""

    def attack(floor: Floor, at: float) -> Iterator[Happened]:
        user = floor.caller()
        for day in range(days):
            begins = at + day * DAY
            found = [*guesses(floor, begins, user, number, apart=30 if locks else HOUR)]
            yield from found
            if locks:
                yield found[-1]._replace(at=begins + 200, what="locked")
                yield found[-1]._replace(at=begins + 6 * HOUR, what="unlocked", agent="portal")
            else:
                yield found[0]._replace(at=begins - HOUR, what="right")

    return attack


def _insider(numbers: tuple[int, ...], days: int) -> Attack:
    """One agent guesses for some users: all at once, or a few every day."""

    def attack(floor: Floor, at: float) -> Iterator[Happened]:
        for day in range(days):
            moment = at + day * DAY
            for number in numbers:
                yield from guesses(floor, moment, floor.caller(), number, floor.agents[3], 50)
                moment += 5 * MINUTE if days == 1 else 3 * HOUR

    return attack


def _after_an_unlock(floor: Floor, at: float) -> Iterator[Happened]:
    user = floor.caller()
    found = [*guesses(floor, at, user, 6)]
    yield from found
    yield found[-1]._replace(at=at + 200, what="locked")
    yield found[-1]._replace(at=at + 30 * MINUTE, what="unlocked", agent="lead")
    yield from guesses(floor, at + 2.5 * HOUR, user, 5)


def _names(number: int, apart: float, days: int = 1, *, by_one: bool = True) -> Attack:
    """Unknown names, by one agent or by all."""

    def attack(floor: Floor, at: float) -> Iterator[Happened]:
        for day in range(days):
            for each in range(number):
                agent = floor.agents[3] if by_one else floor.chance.choice(floor.agents)
                yield Happened(at + day * DAY + each * apart, "unknown", None, None, agent)

    return attack


def _of_forty(floor: Floor) -> list[int]:
    return min(floor.members, key=lambda users: abs(len(users) - 40))


ATTACKS: dict[str, tuple[Attack, frozenset[str]]] = {
    "an account of 40 in two hours": (_sweep(_of_forty, 1), frozenset({"account"})),
    "the largest account in two hours": (
        _sweep(lambda floor: floor.members[0], 1), frozenset({"account", "floor"})
    ),
    "an account over ten days": (_sweep(_of_forty, 10), frozenset({"account"})),
    "one guess for each of 400": (_one_each(400, 1), frozenset({"floor"})),
    "one guess for each of 40 a day": (_one_each(40, 10), frozenset({"floor"})),
    "four guesses a day, the owner verifies": (_every_day(4, 30, locks=False), frozenset({"user"})),
    "six guesses a day, the owner unlocks": (_every_day(6, 10, locks=True), frozenset({"user"})),
    "an agent guesses for four at once": (_insider((6, 6, 5, 5), 1), frozenset({"agent"})),
    "an agent guesses for two a day": (_insider((3, 3), 20), frozenset({"agent"})),
    "an agent guesses before each true PIN": (
        _one_each(60, 1, "one", right_after=True), frozenset({"agent"})
    ),
    "an agent guesses before seven true PINs a day": (
        _one_each(7, 15, "one", right_after=True), frozenset({"agent"})
    ),
    "guesses after a lead has unlocked": (_after_an_unlock, frozenset({"user"})),
    "an agent asks for 30 names in an hour": (_names(30, 2 * MINUTE), frozenset({"agent"})),
    "15 names in an hour through any agent": (
        _names(15, 4 * MINUTE, by_one=False), frozenset({"floor"})
    ),
    "an agent asks for six names a day": (_names(6, HOUR, 10), frozenset({"agent"})),
}  # fmt: skip
"""Each attack, and the kinds of signs that may reveal it."""


def at(moment: float) -> datetime:
    """The time that a moment is."""
    return MONDAY + timedelta(seconds=int(moment))


def written(moment: float) -> str:
    """The same as events have it."""
    return f"{at(moment):%Y-%m-%dT%H:%M:%SZ}"


_KINDS = {"wrong": "incorrect", "right": "verified", "locked": "locked", "unlocked": "unlocked"}
_PEOPLE = (
    "id", "uid", "account", "login", "display_name", "type", "active", "added_at", "pin_version",
    "failed_attempts", "locks_total", "attempts_total", "event", "seal",
)  # fmt: skip


def lay(desk: Desk, happened: Iterable[Happened]) -> None:
    """Write the events into an empty store: an attempt before each answer, all linked."""
    happened = [*happened]
    users = sorted({event.user for event in happened if event.user is not None})
    accounts = {event.user: event.account for event in happened}
    people = [
        (
            *(user + 1, uid_of(user), f"account{accounts[user]}", f"user{user}", "", "cloud", 1),
            *("2026-01-01T00:00:00Z", 1, 0, 0, 0, 0, b"seal"),
        )
        for user in users
    ]
    ((number, link),) = desk.sql("SELECT number, link FROM trail ORDER BY number DESC LIMIT 1")
    rows, texts = list[TrailEvent](), list[tuple[object, ...]]()
    for event in happened:
        kinds = [_KINDS.get(event.what, "refused")]
        for kind in ["attempt", *kinds] if event.what in ("wrong", "right") else kinds:
            number += 1
            account = None if event.account is None else f"account{event.account}"
            version = None if event.user is None else 1
            outcome = "unknown_user" if kind == "refused" else None
            uid = None if event.user is None else uid_of(event.user)
            if uid is None:
                texts.append((number, b"blind", f"nobody{number}"))
            row = TrailEvent(
                number=number, at=written(event.at), agent=event.agent, database_login=None,
                command="verify", kind=kind, uid=uid, account=account, attempt=None,
                outcome=outcome, ended_by=None, counter=None, pin_version=version, texts=None,
                record=None, note=None, link=b"", seal=None,
            )  # fmt: skip
            link = link_of(bytes(link), row)
            rows.append(row._replace(link=link))
    _insert(desk, "people", _PEOPLE, people)
    _insert(desk, "trail", TrailEvent._fields, rows)
    _insert(desk, "texts", ("number", "blind", "name"), texts)


def uid_of(user: int) -> bytes:
    """A user's uid."""
    return user.to_bytes(16, "big")


def _insert(
    desk: Desk, table: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> None:
    names = ", ".join(columns)
    if isinstance(desk, ServedDesk):
        with desk.database_there.connect() as there, there.cursor() as cursor:
            with cursor.copy(f"COPY pincli.{table} ({names}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"ANALYZE pincli.{table}".encode())
        return
    with closing(sqlite3.connect(desk.database)) as connection, connection:
        values = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({values})"  # noqa: S608
        connection.executemany(statement, rows)
