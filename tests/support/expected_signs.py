"""The expected signs of an attack, counted in the simplest way from the events."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from statistics import mean

from tests.support.simulated_calls import DAY, HOUR, MINUTE, Happened

Sign = tuple[str, str, str]
"""Kind, sign and subject."""

WEEK, QUARTER, TWO = 7 * DAY, 15 * MINUTE, 2 * MINUTE


class Expected:
    """The events of a floor, and the signs that are expected at any time."""

    def __init__(self, happened: Iterable[Happened]) -> None:
        self.happened = [event._replace(at=float(int(event.at))) for event in happened]
        self.rights = _times(e for e in self.happened if e.what == "right")
        self.known = defaultdict[str, list[float]](list)
        for event in self.happened:
            if event.user is not None:
                self.known[event.agent].append(event.at)
        self.wrong = [e for e in self.happened if e.what == "wrong"]
        self.left = [
            e for e in self.wrong if not _within(self.rights.get(e.user, []), e.at, QUARTER)
        ]
        self.lost = [
            e
            for e in self.happened
            if e.what == "unknown" and not _within(self.known[e.agent], e.at, TWO)
        ]

    def usual(self, now: float) -> tuple[Counter[str], int, float, float]:
        """Calls by account and agent of ten working days, how many days, and both shares."""
        today = now // DAY
        answered = [e for e in self.happened if e.what == "right" and e.at // DAY < today]
        numbers = Counter(e.at // DAY for e in answered)
        for first in range(1, len(numbers) + 1):
            last = sorted(numbers)[-first:]
            days = [day for day in last if numbers[day] >= max(numbers[d] for d in last) / 10]
            if len(days) == 10:
                break
        calls = Counter[str]()
        for event in answered:
            if event.at // DAY in days:
                calls.update([f"account{event.account}", event.agent, "all"])
        users = {(e.at // DAY, e.user) for e in self.left if e.at // DAY in days}
        pairs = {(e.at // DAY, e.user, e.agent) for e in self.wrong if e.at // DAY in days}
        assert len(days) >= 5, "too few days to know what is usual"
        return calls, len(days), len(users) / calls["all"], len(pairs) / calls["all"]

    def at(self, now: float) -> dict[Sign, int]:
        """Each sign that there is at a time, and how many of what it counts."""
        calls, days, share, any_share = self.usual(now)
        found = dict[Sign, int]()

        def look(kind: str, sign: str, things: set[tuple[str, object]], bounds: _Bounds) -> None:
            for subject, number in Counter(subject for subject, _ in things).items():
                if number >= bounds(subject):
                    found[kind, sign, subject] = number

        def usual(subject: str, its: float = share) -> float:
            return calls[subject] / days * its

        def usual_and(base: int, times: int) -> _Bounds:
            return lambda subject: base + times * usual(subject)

        day, week = ([e for e in self.left if 0 <= now - QUARTER - e.at <= span]
                     for span in (DAY, WEEK))  # fmt: skip
        look("user", "unresolved", {(f"user{e.user}", e.at) for e in week}, lambda _: 10)
        locks = [e for e in self.happened if e.what == "locked" and 0 <= now - e.at <= 30 * DAY]
        look("user", "locked_again", {(f"user{e.user}", e.at) for e in locks}, lambda _: 2)
        for sign, events, more, weeks in (("day", day, 0, 1), ("week", week, 1, 5)):
            look(
                "account",
                sign,
                {(f"account{e.account}", e.user) for e in events},
                usual_and(3 + more, 3 * weeks),
            )
            look("agent", sign, {(e.agent, e.user) for e in events},
                 usual_and(4, 3 * weeks))  # fmt: skip
        look("floor", "day", {("all", e.user) for e in day}, lambda _: 10 + 2 * usual("all"))
        today = [e for e in self.wrong if 0 <= now - e.at <= DAY]
        look("agent", "any_wrong", {(e.agent, e.user) for e in today},
             lambda s: 6 + 3 * usual(s, any_share))  # fmt: skip
        wrong = [e for e in self.wrong if 0 <= now - e.at <= WEEK]
        look("agent", "any_wrong_week", {(e.agent, e.user) for e in wrong},
             lambda s: 10 + 2 * 5 * usual(s, any_share))  # fmt: skip
        lost = [e for e in self.lost if 0 <= now - TWO - e.at <= DAY]
        look("agent", "names", {(e.agent, place) for place, e in enumerate(lost)}, lambda _: 5)
        for event in today:
            burst = [e for e in today
                     if e.agent == event.agent and 0 <= event.at - e.at <= HOUR / 2]  # fmt: skip
            if len(burst) >= 9 and len({e.user for e in burst}) >= 3:
                found["agent", "burst", event.agent] = 0
        if any(sum(0 <= event.at - e.at <= HOUR for e in lost) >= 10 for event in lost):
            found["floor", "names", "all"] = 0
        for unlock in self.happened:
            if unlock.what == "unlocked" and 0 <= now - unlock.at <= WEEK:
                self._after(unlock, now, found)
        return found

    def _after(self, unlock: Happened, now: float, found: dict[Sign, int]) -> None:
        """Wrong answers after an unlock, before the next one and before a right one."""
        number = 0
        for event in self.happened[self.happened.index(unlock) + 1 :]:
            if event.user == unlock.user and event.at <= now:
                if event.what in ("right", "unlocked"):
                    break
                number += event.what == "wrong"
        if number >= 3:
            found["user", "failing_after_unlock", f"user{unlock.user}"] = 0


_Bounds = Callable[[str], float]


def alarms(seen: Iterable[Iterable[Sign]], weeks: float) -> float:
    """How many signs began a week, of what was seen at one time after another."""
    before: set[Sign] = set()
    begun = []
    for signs in map(set, seen):
        begun.append(len(signs - before))
        before = signs
    return mean(begun) * len(begun) / weeks


def _times(events: Iterable[Happened]) -> dict[int | None, list[float]]:
    times = defaultdict[int | None, list[float]](list)
    for event in events:
        times[event.user].append(event.at)
    return times


def _within(times: list[float], moment: float, span: float) -> bool:
    place = bisect_left(times, moment)
    return place < len(times) and times[place] - moment <= span
