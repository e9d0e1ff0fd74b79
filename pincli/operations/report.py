"""The report: what happened in a span of time, in figures."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from pincli.errors import UsageProblem
from pincli.models import EventKind
from pincli.operations.session import Session
from pincli.results import Activity, Day, Done, Event, EventFilter, Report
from pincli.rules.times import moment_of, present, written

LONGEST = timedelta(days=45)
_RESOLVED_WITHIN = timedelta(minutes=15)
_A_DAY = timedelta(days=1)
_SINCE_IT_WAS_READ = timedelta(minutes=1)
"""`24h` is read a moment before the report is made, and still means one day."""
_NAMED_AT_MOST = 10
_COUNTED = {
    EventKind.VERIFIED: "verified",
    EventKind.INCORRECT: "incorrect",
    EventKind.ABANDONED: "incorrect",
    EventKind.LOCKED: "locked",
    EventKind.LOCKED_BY_HAND: "locked",
    EventKind.UNLOCKED: "unlocked",
}
_NOT_ADMINS = ("verify", "desk", "call", "find", "status", "alerts", "pin show", "pin change")
"""Commands of agents and customers."""
_NOT_DONE = frozenset(
    {
        EventKind.MARKED,
        EventKind.AUDITED,
        EventKind.REFUSED,
        EventKind.NOTICE_FAILED,
        *_COUNTED,
    }
    - {EventKind.UNLOCKED}
)
"""Events that are not an admin's act, whatever the command."""
_TO_TEN_MINUTES = len("2026-11-24T13:0")  # a time zone is a whole number of quarters of an hour


def report(
    session: Session,
    since: str,
    *,
    by: str,
    signs: tuple[set[str], set[str]],
    now: datetime | None = None,
) -> Report:
    """Return the figures of a span up to now, and of an equal span before it.

    It reads the events of both, page by page. A span of more than a day begins at a midnight.
    `signs` are the accounts and the agents with a sign of an attack.

    Raises:
        UsageProblem: The span is too long, or begins in the future.
    """
    now = now or present()
    began = moment_of(since)
    if began is None or not now - LONGEST <= began < now:
        raise UsageProblem(
            f"a report is about the last {LONGEST.days} days at most", "give --since 7d, or 30d"
        )
    if now - began > _A_DAY + _SINCE_IT_WAS_READ:
        began = _next_midnight(began).astimezone(UTC)
    tally = _Tally(written(began), written(now))
    wanted = EventFilter(since=written(began - (now - began)))
    for page in session.store.trail.newest_first(wanted, limit=sys.maxsize):
        for event in page:
            tally.take(event)
    accounts, agents = signs
    sealed = session.store.trail.last_sealed()
    return Report(
        since=tally.since,
        until=tally.until,
        by=by,
        sealed=sealed.number,
        now=tally.activity(tally.now),
        before=tally.activity(tally.before),
        days=tally.all_days(),
        accounts=tally.most(tally.accounts, tally.unresolved_accounts, accounts),
        agents=tally.most(tally.agents, tally.unresolved_agents, agents),
        done=tally.all_done(),
        states=session.store.people.totals(),
    )


class _Tally:
    """Counts events, which come newest first."""

    def __init__(self, since: str, until: str) -> None:
        self.since, self.until = since, until
        self.now, self.before = Counter[str](), Counter[str]()
        self.days: defaultdict[date, Counter[str]] = defaultdict(Counter)
        self.accounts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.agents: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.unresolved_accounts: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self.unresolved_agents: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._verified: dict[tuple[str, str], str] = {}
        self._done: defaultdict[str, defaultdict[str, _Acts]]
        self._done = defaultdict(lambda: defaultdict(lambda: _Acts(set(), set())))
        self._reasons: dict[str, str] = {}

    def take(self, event: Event) -> None:
        """Count an event, unless it has a date in the future."""
        if event.at > self.until:
            return
        word = _COUNTED.get(event.kind)
        if event.at < self.since:
            if word is not None:
                self.before[word] += 1
            return
        if word is not None:
            self._count(event, word)
        self._note(event)

    def _count(self, event: Event, word: str) -> None:
        self.now[word] += 1
        self.days[_day(event.at[:_TO_TEN_MINUTES])][word] += 1
        account, who = event.account or "", (event.user or "", event.account or "")
        self.accounts[account][word] += 1
        if word != "unlocked":  # customers do that, in the portal
            self.agents[event.agent][word] += 1
        if word == "verified":
            self._verified[who] = event.at
        elif word == "incorrect" and not _soon_after(event.at, self._verified.get(who)):
            self.unresolved_accounts[account].add(who)
            self.unresolved_agents[event.agent].add(who)

    def _note(self, event: Event) -> None:
        """Note what an admin did, and to whom."""
        what = event.command
        if event.kind is EventKind.REFUSED and event.outcome == "role":
            what = "refused for want of a role"
        elif event.command in _NOT_ADMINS or event.kind in _NOT_DONE or event.attempt is not None:
            return
        acts = self._done[what][event.agent]
        if event.user is None or event.kind is EventKind.ACKNOWLEDGED:
            acts.runs.add(event.seq)
        else:
            acts.on_users.add((event.user, event.account or "", event.at))
        if event.reason and event.user is not None:
            self._reasons.setdefault(what, event.reason)

    @staticmethod
    def activity(counts: Counter[str]) -> Activity:
        """Turn counts by name into figures."""
        return Activity(*(counts[name] for name in Activity._fields[:4]))

    def all_days(self) -> list[Day]:
        """Return every day of the span, by local dates."""
        first, last = _day(self.since[:_TO_TEN_MINUTES]), _day(self.until[:_TO_TEN_MINUTES])
        span = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [Day(day.isoformat(), self.activity(self.days[day])) for day in span]

    def most(
        self,
        counted: dict[str, Counter[str]],
        unresolved: dict[str, set[tuple[str, str]]],
        signed: set[str],
    ) -> list[tuple[str, Activity]]:
        """Return those with a sign, then those with the most unresolved failures."""
        rows = [
            (name, self.activity(counts)._replace(unresolved=len(unresolved.get(name, ()))))
            for name, counts in counted.items()
            if name in signed or unresolved.get(name)
        ]
        rows.sort(key=lambda row: (row[0] not in signed, -row[1].unresolved, row[0]))
        return rows[:_NAMED_AT_MOST]

    def all_done(self) -> list[Done]:
        """Return what admins did, by command."""
        return [
            Done(
                what,
                sum(acts.times for acts in by.values()),
                len({user[:2] for acts in by.values() for user in acts.on_users}),
                [(agent, acts.times) for agent, acts in sorted(by.items())],
                self._reasons.get(what),
            )
            for what, by in sorted(self._done.items())
        ]


def _next_midnight(moment: datetime) -> datetime:
    """The first local midnight that isn't before a moment."""
    today = datetime.combine(moment.astimezone().date(), time()).astimezone()
    if today >= moment:
        return today
    return datetime.combine(today.date() + _A_DAY, time()).astimezone()  # a day may have 25 hours


class _Acts(NamedTuple):
    """What one admin did with one command.

    Attributes:
        runs: The numbers of the events that are about a whole run, such as an import.
        on_users: Login, account and time: several events of a user at one time are one act.
    """

    runs: set[int]
    on_users: set[tuple[str, str, str]]

    @property
    def times(self) -> int:
        """How often it was done."""
        return len(self.runs or self.on_users)


@lru_cache(4096)
def _day(to_ten_minutes: str) -> date:
    """The local date of a time."""
    moment = moment_of(f"{to_ten_minutes}0:00Z")
    return date.min if moment is None else moment.astimezone().date()


def _soon_after(at: str, verified: str | None) -> bool:
    """Whether a right answer followed soon after a wrong one."""
    wrong = moment_of(at)
    if verified is None or wrong is None:
        return False
    return at <= verified <= written(wrong + _RESOLVED_WITHIN)
