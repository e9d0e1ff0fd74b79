"""When something looks like an attack. docs/attacks.md explains each default.

What counts most are the wrong answers that no right one follows, compared with how many the
same account or agent usually has (slips.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from operator import attrgetter
from typing import Any, NamedTuple

from pincli.models import EventKind
from pincli.rules.slips import (
    DAYS_TO_KNOW,
    KNOWN_WITHIN,
    RESOLVED_WITHIN,
    SignEvent,
    Usual,
    within,
)
from pincli.rules.times import written

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=30)
"""The longest window: no sign needs an older event."""
_A_WEEKS_WORK = 5
_USUALS = 3
_USUALS_OF_MANY = 2
"""From this count on, chance adds less to what is usual."""
_BURST = timedelta(minutes=30)
_USERS_IN_BURST = 3
_HOUR = timedelta(hours=1)


class Bounds(NamedTuple):
    """From how many on something is a sign; [alerts] in the deployment's file may say others.

    What the same account, agent or floor usually has is added where `Usual` says so.

    Attributes:
        user_locks: Locks of one user in 30 days, by wrong answers.
        user_wrong: Wrong answers of one user in a week, without a right one after them.
        user_after_unlock: Wrong answers between an unlock and the next right answer.
        account_day: Users of one account in a day with such wrong answers.
        account_week: Likewise in a week.
        agent_day: Users with one agent in a day with such wrong answers.
        agent_week: Likewise in a week.
        agent_burst: Wrong answers with one agent within half an hour, of three users or more.
        agent_any_wrong: Users with one agent in a day with any wrong answer.
        agent_any_wrong_week: Likewise in a week.
        agent_names: Unknown names with one agent in a day, none followed by a known one.
        floor_day: Users in a day with wrong answers and no right one after them.
        floor_names: Such unknown names within an hour.
    """

    user_locks: int = 2
    user_wrong: int = 10
    user_after_unlock: int = 3
    account_day: int = 3
    account_week: int = 4
    agent_day: int = 4
    agent_week: int = 4
    agent_burst: int = 9
    agent_any_wrong: int = 6
    agent_any_wrong_week: int = 10
    agent_names: int = 5
    floor_day: int = 10
    floor_names: int = 10


DEFAULTS = Bounds()


class Sign(NamedTuple):
    """A sign of an attack.

    Attributes:
        kind: `user`, `account`, `agent` or `floor`.
        sign: Which one, in a word for programs.
        subject: The user's uid, the account's or the agent's name, or `all` for the floor.
        counted: The count that is compared with the bound.
        bound: From how many on it is a sign.
        since: When the bound was reached, ISO 8601, UTC.
        events: What was counted, in order.
    """

    kind: str
    sign: str
    subject: str | bytes
    counted: int
    bound: float
    since: str
    events: Sequence[SignEvent]


Subject = tuple[str, str | bytes]
_Key = Callable[[SignEvent], Hashable]
_USER: _Key = attrgetter("uid")
_NUMBER: _Key = attrgetter("number")
_SUBJECTS: dict[str, Callable[[SignEvent], str | bytes | None]] = {
    "user": attrgetter("uid"),
    "account": attrgetter("account"),
    "agent": attrgetter("agent"),
    "floor": lambda _: "all",
}


class Evidence(NamedTuple):
    """All that signs are looked for in, up to now.

    Attributes:
        wrong: Wrong answers, in order.
        unresolved: Those among them that no right answer follows in time.
        unlocks: Likewise, unlocks.
        locks: Locks by wrong answers of the last 30 days.
        names: Unknown names of the last day that no known one follows in time.
        versions: The present PIN version of the users who may have a sign.
        acknowledged: By subject, the number of the last acknowledgement.
    """

    now: datetime
    wrong: Sequence[SignEvent]
    unresolved: Sequence[SignEvent]
    unlocks: Sequence[SignEvent]
    locks: Sequence[SignEvent]
    names: Sequence[SignEvent]
    versions: Mapping[bytes, int]
    acknowledged: Mapping[Subject, int]


def signs(evidence: Evidence, usual: Usual, bounds: Bounds = DEFAULTS) -> list[Sign]:
    """Every sign of an attack: users first, then accounts, agents and the floor.

    A wrong answer counts against its user and account only while they have the PIN that it
    was about: a reset clears those signs. A new PIN never hides an agent who guesses.
    """
    # Whether an answer stays unresolved is known once its time is up.
    due = evidence._replace(now=evidence.now - RESOLVED_WITHIN)
    of_week = _since(due, evidence.unresolved, WEEK)
    of_day = _since(due, of_week, DAY)
    present_week = _present(evidence, of_week)
    present_day = _since(due, present_week, DAY)
    locks = _since(evidence, _present(evidence, evidence.locks), LONGEST_WINDOW)
    names = _since(evidence._replace(now=evidence.now - KNOWN_WITHIN), evidence.names, DAY)
    any_wrong = _since(evidence, evidence.wrong, WEEK) if usual.days >= DAYS_TO_KNOW else []
    any_wrong_day = _since(evidence, any_wrong, DAY)
    burst = _since(evidence, evidence.wrong, DAY)

    def grouped(
        kind: str,
        sign: str,
        events: Iterable[SignEvent],
        counted: _Key,
        bound: float,
        share: float = 0,
    ) -> list[Sign]:
        """Add to the bound a share of the calls that are usual in a day."""
        calls = {"account": usual.calls.of_account, "agent": usual.calls.with_agent}.get(kind, {})
        share /= max(usual.days, 1)
        return _grouped(
            evidence, kind, sign, events, counted, lambda each: bound + share * calls.get(each, 0)
        )

    b, left, wrong = bounds, _USUALS * usual.unresolved, usual.wrong
    floor = _USUALS_OF_MANY * usual.unresolved * usual.calls.total / max(usual.days, 1)
    return [
        *grouped("user", "locked_again", locks, _NUMBER, b.user_locks),
        *grouped("user", "unresolved", present_week, _NUMBER, b.user_wrong),
        *_after_unlocks(evidence, b.user_after_unlock),
        *grouped("account", "day", present_day, _USER, b.account_day, left),
        *grouped("account", "week", present_week, _USER, b.account_week, left * _A_WEEKS_WORK),
        *grouped("agent", "day", of_day, _USER, b.agent_day, left),
        *grouped("agent", "week", of_week, _USER, b.agent_week, left * _A_WEEKS_WORK),
        *_bursts(evidence, "agent", "burst", burst, _BURST, b.agent_burst, _USERS_IN_BURST),
        *grouped("agent", "any_wrong", any_wrong_day, _USER, b.agent_any_wrong, _USUALS * wrong),
        *grouped("agent", "any_wrong_week", any_wrong, _USER, b.agent_any_wrong_week,
                 _USUALS_OF_MANY * wrong * _A_WEEKS_WORK),
        *grouped("agent", "names", names, _name, b.agent_names),
        *grouped("floor", "day", of_day, _USER, b.floor_day + floor),
        *_bursts(evidence, "floor", "names", names, _HOUR, b.floor_names, 0),
    ]  # fmt: skip


def _by_subject(
    evidence: Evidence, kind: str, events: Iterable[SignEvent]
) -> dict[str | bytes, list[SignEvent]]:
    """The events of each subject since it was last acknowledged."""
    groups: defaultdict[str | bytes, list[SignEvent]] = defaultdict(list)
    for event in events:
        subject = _SUBJECTS[kind](event)
        if subject is not None and event.number > evidence.acknowledged.get((kind, subject), 0):
            groups[subject].append(event)
    return groups


def _grouped(
    evidence: Evidence,
    kind: str,
    sign: str,
    events: Iterable[SignEvent],
    counted: _Key,
    bound: Callable[[Any], float],
) -> list[Sign]:
    """Signs by how many different things there are of one subject."""
    found = []
    for subject, its in _by_subject(evidence, kind, events).items():
        first: dict[Hashable, SignEvent] = {}
        for event in its:
            first.setdefault(counted(event), event)
        enough = bound(subject)
        if len(first) >= enough:
            reached = [*first.values()][max(ceil(enough), 1) - 1]
            found.append(Sign(kind, sign, subject, len(first), enough, reached.at, its))
    return found


def _bursts(
    evidence: Evidence,
    kind: str,
    sign: str,
    events: Iterable[SignEvent],
    span: timedelta,
    bound: int,
    users: int,
) -> list[Sign]:
    """Signs by how much there was in a short time; the latest such time counts.

    A window that ends at now would show them only to somebody who looks at the right minute.
    """
    found = []
    for subject, its in _by_subject(evidence, kind, events).items():
        burst: tuple[int, int, int] | None = None
        start, present = 0, Counter[bytes | None]()
        for place, event in enumerate(its):
            present[event.uid] += 1
            while start < place and not within(its[start].at, event.at, span):
                left = its[start].uid
                present[left] -= 1
                if not present[left]:
                    del present[left]
                start += 1
            if place - start + 1 >= bound and len(present) >= users:
                goes_on = burst is not None and burst[2] == place - 1
                burst = (*burst[:2], place) if burst and goes_on else (start, place, place)
        if burst:
            first, reached, last = burst
            counted = its[first : last + 1]
            found.append(Sign(kind, sign, subject, len(counted), bound, its[reached].at, counted))
    return found


def _after_unlocks(evidence: Evidence, bound: int) -> list[Sign]:
    """Users who were unlocked and gave wrong answers before the next right one.

    The person who had the PIN unlocked may not be its owner. Linear in the number of events.
    """
    groups: defaultdict[bytes, list[tuple[SignEvent, bool]]] = defaultdict(list)
    unlocks = _since(evidence, evidence.unlocks, WEEK)
    unlocked = {event.uid for event in unlocks}
    wrong = [e for e in _present(evidence, evidence.wrong) if e.uid in unlocked]
    pairs = [*((e, True) for e in unlocks), *((e, False) for e in wrong)]
    for event, is_unlock in sorted(pairs, key=lambda pair: pair[0].number):
        since = 0 if event.uid is None else evidence.acknowledged.get(("user", event.uid), 0)
        if event.uid is not None and event.number > since:
            groups[event.uid].append((event, is_unlock))
    found = []
    for uid, events in groups.items():
        after: list[SignEvent] | None = None
        for event, is_unlock in events:
            if is_unlock:
                after = []
            elif after is not None:
                after.append(event)
                if len(after) == bound:
                    found.append(
                        Sign("user", "failing_after_unlock", uid, 0, bound, event.at, after)
                    )
            if (event.then or "").startswith(EventKind.VERIFIED):
                after = None
    latest = {sign.subject: sign for sign in found}
    return [sign._replace(counted=len(sign.events)) for sign in latest.values()]


def _since(evidence: Evidence, events: Iterable[SignEvent], window: timedelta) -> list[SignEvent]:
    """The events of a window that ends at now."""
    first, last = written(evidence.now - window), written(evidence.now)
    return [event for event in events if first <= event.at <= last]


def _present(evidence: Evidence, events: Iterable[SignEvent]) -> list[SignEvent]:
    """The events that are about the PIN that their user has now."""
    versions = evidence.versions
    return [
        event
        for event in events
        if event.uid is not None and event.version == versions.get(event.uid)
    ]


def users_in(evidence: Evidence) -> Collection[bytes]:
    """Those whose present PIN version counts."""
    unlocked = {event.uid for event in evidence.unlocks}
    events = (
        *evidence.locks,
        *evidence.unresolved,
        *(e for e in evidence.wrong if e.uid in unlocked),
    )
    return {event.uid for event in events if event.uid is not None}


def _name(event: SignEvent) -> Hashable:
    return event.word or event.number
