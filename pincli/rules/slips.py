"""Honest slips, and how many of them are usual: the baseline for the signs in signs.py.

An honest slip ends with a right answer, so a wrong answer counts if no right one follows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pincli.models import EventKind
from pincli.rules.times import written

RESOLVED_WITHIN = timedelta(minutes=15)
"""A wrong answer is a slip if the same user gives the right one within this time."""
KNOWN_WITHIN = timedelta(minutes=2)
"""An unknown name is a slip if the same agent types a known one within this time."""
WORKING_DAYS = 10
"""What is usual comes from this many days with calls, the last ones."""
DAYS_TO_KNOW = 5
"""With fewer working days, nothing is known to be usual."""

_VERIFIED = f"{EventKind.VERIFIED} "
_TO_THE_MINUTE = len("2026-11-24T13:05")
_TO_THE_DAY = len("2026-11-24")
_QUIET = 10
"""A day with this many times fewer calls than the busiest one is not a working day."""
_SHARE_AT_FIRST = 0.01


class SignEvent(NamedTuple):
    """An event that signs are made of.

    Attributes:
        number: The event's.
        at: ISO 8601, UTC.
        agent: Who acted.
        version: The PIN version at that time.
        word: For an unknown name, the name; for an acknowledgement, the sign's id.
        then: Kind and time of the user's next outcome, verified or incorrect, if there is one.
    """

    number: int
    at: str
    agent: str
    uid: bytes | None
    account: str | None
    version: int | None
    word: str | None = None
    then: str | None = None


Known = tuple[int, str, str]
"""Number, time and agent of an event that is about a user."""


class Calls(NamedTuple):
    """How many right answers there were in some time; estimated where there were very many."""

    total: float
    of_account: Mapping[str, float]
    with_agent: Mapping[str, float]


class Usual(NamedTuple):
    """What is usual on this floor, from its last working days.

    Attributes:
        days: How many working days are known, ten at most.
        calls: Those of all these days together.
        unresolved: Users a call who gave a wrong answer and no right one.
        wrong: Users a call, for each agent and day, who gave any wrong answer.
    """

    days: int
    calls: Calls
    unresolved: float
    wrong: float


def unresolved(wrong: Sequence[SignEvent]) -> list[SignEvent]:
    """The wrong answers, in order, that no right answer of the same user follows in time."""
    rights: dict[bytes | None, str] = {}
    found = []
    for event in reversed(wrong):
        uid, then = event.uid, event.then
        if then is None:
            rights.pop(uid, None)
        elif then.startswith(_VERIFIED):
            rights[uid] = then[len(_VERIFIED) :]
        right = rights.get(uid)
        if right is None or (
            right[:_TO_THE_MINUTE] != event.at[:_TO_THE_MINUTE]  # most are, and parsing takes long
            and not within(event.at, right, RESOLVED_WITHIN)
        ):
            found.append(event)
    return found[::-1]


def unfollowed(
    unknown: Iterable[SignEvent],
    known_after: Callable[[int], Iterator[Sequence[Known]]],
    now: datetime,
) -> list[SignEvent]:
    """The unknown names that no known name from the same agent follows in time.

    Each event after them is read once at most.

    Args:
        unknown: In order.
        known_after: Gives the events above a number that are about a user, in order, by pages.
        now: The present time. A name that was just typed is not judged yet.
    """
    due = written(now - KNOWN_WITHIN)
    typed = [event for event in unknown if event.at <= due]
    followed = set[int]()
    waiting: dict[str, list[SignEvent]] = {}
    place = 0
    while place < len(typed):
        for page in known_after(typed[place].number):
            for number, at, agent in page:  # on a large floor all events of the last day
                while place < len(typed) and typed[place].number < number:
                    waiting.setdefault(typed[place].agent, []).append(typed[place])
                    place += 1
                if agent in waiting:
                    its = waiting.pop(agent)
                    followed.update(e.number for e in its if within(e.at, at, KNOWN_WITHIN))
            waiting = _still_waiting(waiting, page[-1][1])
            if not waiting:
                break
        else:
            break
    return [event for event in typed if event.number not in followed]


def _still_waiting(
    waiting: Mapping[str, Sequence[SignEvent]], at: str
) -> dict[str, list[SignEvent]]:
    """Those whose time is not up at a time."""
    left = ((a, [e for e in its if within(e.at, at, KNOWN_WITHIN)]) for a, its in waiting.items())
    return {agent: its for agent, its in left if its}


def working(days: Sequence[tuple[str, Calls]]) -> list[tuple[str, Calls]]:
    """The working days among some; a few calls on a Sunday don't count."""
    busiest = max((calls.total for _, calls in days), default=0)
    return [(day, calls) for day, calls in days if calls.total * _QUIET >= busiest]


def usual_of(
    days: Sequence[tuple[str, Calls]], wrong: Iterable[SignEvent], left: Iterable[SignEvent]
) -> Usual:
    """What is usual.

    Args:
        days: The working days that are over, such as `2026-11-24`, with their calls; if they
            are too few, today too.
        wrong: All wrong answers of these days; others may be among them.
        left: Those that no right answer followed.
    """
    names = {day for day, _ in days}
    of_account, with_agent = Counter[str](), Counter[str]()
    for _, calls in days:
        of_account.update(calls.of_account)
        with_agent.update(calls.with_agent)
    calls = Calls(sum(calls.total for _, calls in days), of_account, with_agent)
    if len(days) < DAYS_TO_KNOW or not calls.total:
        return Usual(len(days), calls, _SHARE_AT_FIRST, _SHARE_AT_FIRST)
    users = {(day, e.uid) for e in left if (day := e.at[:_TO_THE_DAY]) in names}
    pairs = {(day, e.agent, e.uid) for e in wrong if (day := e.at[:_TO_THE_DAY]) in names}
    return Usual(len(days), calls, len(users) / calls.total, len(pairs) / calls.total)


def within(first: str, last: str, span: timedelta) -> bool:
    """Whether a time is at most that long after another; False for what pincli never wrote."""
    try:
        return datetime.fromisoformat(last) - datetime.fromisoformat(first) <= span
    except (ValueError, TypeError):
        return False
