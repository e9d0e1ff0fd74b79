"""When something looks like an attack. Each number here is a default that the README explains.

Honest slips end with a right answer. So what counts is mostly who gave a wrong answer and no
right one after it, beside how many of those the same account or agent usually has.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from pincli.models import EventKind

RESOLVED_WITHIN = timedelta(minutes=15)
"""A right answer of the same user within it makes a wrong one a slip."""
KNOWN_WITHIN = timedelta(minutes=2)
"""A known name from the same agent within it makes an unknown one a slip."""
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
LONGEST_WINDOW = timedelta(days=30)
"""The longest window: no sign needs an older event."""
WORKING_DAYS = 10
"""The last days with calls: what is usual comes from them."""
DAYS_TO_KNOW = 5
"""With fewer working days, nothing is known to be usual."""

_A_WEEKS_WORK = 5
_TO_THE_MINUTE = len("2026-11-24T13:05")
_QUIET = 10
"""A day with this many times fewer calls than the busiest one is not a working day."""
_SHARE_AT_FIRST = 0.01
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


class Noted(NamedTuple):
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
    events: Sequence[Noted]


Subject = tuple[str, str | bytes]
_Key = Callable[[Noted], Hashable]


def unresolved(wrong: Sequence[Noted]) -> list[Noted]:
    """The wrong answers, in order, that no right answer of the same user follows in time."""
    rights: dict[bytes | None, str] = {}
    found = []
    for event in reversed(wrong):
        kind, _, at = (event.then or "").partition(" ")
        if kind == EventKind.VERIFIED:
            rights[event.uid] = at
        elif kind != EventKind.INCORRECT:
            rights.pop(event.uid, None)
        right = rights.get(event.uid)
        if right is None or (
            right[:_TO_THE_MINUTE] != event.at[:_TO_THE_MINUTE]  # most are, and parsing takes long
            and _seconds(event.at, right) > RESOLVED_WITHIN.total_seconds()
        ):
            found.append(event)
    return found[::-1]


def alone(
    unknown: Iterable[Noted], known_after: Callable[[int], Iterator[Noted]], now: datetime
) -> list[Noted]:
    """The unknown names that no known name from the same agent follows in time.

    Each event after them is read once at most.

    Args:
        unknown: In order.
        known_after: Gives the events above a number that are about a user, in order.
        now: The present time. Of a name just asked for nothing can be said yet.
    """
    due = _written(now - KNOWN_WITHIN)
    known: defaultdict[str, list[int]] = defaultdict(list)
    times: dict[int, str] = {}
    following: Iterator[Noted] = iter(())
    latest: Noted | None = None
    read_to, found = 0, []
    for event in unknown:
        if event.at > due:
            continue
        if event.number > read_to:
            following, latest, read_to = known_after(event.number), None, event.number
        while latest is None or _seconds(event.at, latest.at) <= KNOWN_WITHIN.total_seconds():
            latest = next(following, None)
            if latest is None:
                break
            read_to = latest.number
            known[latest.agent].append(latest.number)
            times[latest.number] = latest.at
        numbers = known[event.agent]
        place = bisect_right(numbers, event.number)
        if place == len(numbers) or (
            _seconds(event.at, times[numbers[place]]) > KNOWN_WITHIN.total_seconds()
        ):
            found.append(event)
    return found


def working(days: Sequence[tuple[str, Calls]]) -> list[tuple[str, Calls]]:
    """The working days among some; a few calls on a Sunday don't count."""
    busiest = max((calls.total for _, calls in days), default=0)
    return [(day, calls) for day, calls in days if calls.total * _QUIET >= busiest]


def usual_of(
    days: Sequence[tuple[str, Calls]], wrong: Iterable[Noted], left: Iterable[Noted]
) -> Usual:
    """What is usual.

    Args:
        days: The working days that are over, such as `2026-11-24`, with their calls; where
            those are too few, today too.
        wrong: All wrong answers of these days, and others.
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
    users = {(e.at[:10], e.uid) for e in left if e.at[:10] in names}
    pairs = {(e.at[:10], e.agent, e.uid) for e in wrong if e.at[:10] in names}
    return Usual(len(days), calls, len(users) / calls.total, len(pairs) / calls.total)


class Seen(NamedTuple):
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
    wrong: Sequence[Noted]
    unresolved: Sequence[Noted]
    unlocks: Sequence[Noted]
    locks: Sequence[Noted]
    names: Sequence[Noted]
    versions: Mapping[bytes, int]
    acknowledged: Mapping[Subject, int]


def signs(seen: Seen, usual: Usual, bounds: Bounds = DEFAULTS) -> list[Sign]:
    """Every sign of an attack: users first, then accounts, agents and the floor.

    A wrong answer counts against its user and account only while they have the PIN that it
    was about: a reset clears those signs. A new PIN never hides an agent who guesses.
    """
    # Whether an answer stays unresolved is known once its time is up.
    due = seen._replace(now=seen.now - RESOLVED_WITHIN)
    of_week = _since(due, seen.unresolved, WEEK)
    of_day = _since(due, of_week, DAY)
    present_week = _present(seen, of_week)
    locks = _since(seen, _present(seen, seen.locks), LONGEST_WINDOW)
    names = _since(seen._replace(now=seen.now - KNOWN_WITHIN), seen.names, DAY)
    any_wrong = _since(seen, seen.wrong, WEEK) if usual.days >= DAYS_TO_KNOW else []
    by_user, by_number = _uid, _number

    def grouped(
        kind: str, sign: str, events: Iterable[Noted], of: _Key, counted: _Key, bound: _Bound
    ) -> list[Sign]:
        return _grouped(seen.acknowledged, kind, sign, events, of, counted, bound)

    a_day = 1 / max(usual.days, 1)

    def account(base: int, days: int = 1) -> _Bound:
        share = _USUALS * usual.unresolved * days * a_day
        return lambda subject: base + share * usual.calls.of_account.get(str(subject), 0)

    def agent(base: int, times: float, days: int = 1) -> _Bound:
        share = times * days * a_day
        return lambda subject: base + share * usual.calls.with_agent.get(str(subject), 0)

    left, wrong = _USUALS * usual.unresolved, usual.wrong
    floor = _USUALS_OF_MANY * usual.unresolved * usual.calls.total * a_day
    b = bounds
    return [
        *grouped("user", "locked_again", locks, _uid, by_number, lambda _: b.user_locks),
        *grouped("user", "unresolved", present_week, _uid, by_number, lambda _: b.user_wrong),
        *_after_unlocks(seen, b.user_after_unlock),
        *grouped("account", "day", _since(due, present_week, DAY), _account, by_user,
                 account(b.account_day)),
        *grouped("account", "week", present_week, _account, by_user,
                 account(b.account_week, days=_A_WEEKS_WORK)),
        *grouped("agent", "day", of_day, _agent, by_user, agent(b.agent_day, left)),
        *grouped("agent", "week", of_week, _agent, by_user,
                 agent(b.agent_week, left, _A_WEEKS_WORK)),
        *_bursts(seen, "agent", "burst", _since(seen, seen.wrong, DAY), _agent, _BURST,
                 b.agent_burst, _USERS_IN_BURST),
        *grouped("agent", "any_wrong", _since(seen, any_wrong, DAY), _agent, by_user,
                 agent(b.agent_any_wrong, _USUALS * wrong)),
        *grouped("agent", "any_wrong_week", any_wrong, _agent, by_user,
                 agent(b.agent_any_wrong_week, _USUALS_OF_MANY * wrong, _A_WEEKS_WORK)),
        *grouped("agent", "names", names, _agent, _name, lambda _: b.agent_names),
        *grouped("floor", "day", of_day, _everybody, by_user,
                 lambda _: b.floor_day + floor),
        *_bursts(seen, "floor", "names", names, _everybody, _HOUR, b.floor_names, 0),
    ]  # fmt: skip


_Bound = Callable[[Hashable], float]


def _by_subject(
    acknowledged: Mapping[Subject, int], kind: str, events: Iterable[Noted], of: _Key
) -> dict[str | bytes, list[Noted]]:
    """The events of each subject that were not acknowledged."""
    groups: defaultdict[str | bytes, list[Noted]] = defaultdict(list)
    for event in events:
        subject = of(event)
        if isinstance(subject, str | bytes) and event.number > acknowledged.get((kind, subject), 0):
            groups[subject].append(event)
    return groups


def _grouped(
    acknowledged: Mapping[Subject, int],
    kind: str,
    sign: str,
    events: Iterable[Noted],
    of: _Key,
    counted: _Key,
    bound: _Bound,
) -> list[Sign]:
    """Signs by how many different things there are of one subject."""
    groups = _by_subject(acknowledged, kind, events, of)
    found = []
    for subject, its in groups.items():
        first: dict[Hashable, Noted] = {}
        for event in its:
            first.setdefault(counted(event), event)
        enough = bound(subject)
        if len(first) >= enough:
            reached = [*first.values()][max(ceil(enough), 1) - 1]
            found.append(Sign(kind, sign, subject, len(first), enough, reached.at, its))
    return found


def _bursts(
    seen: Seen,
    kind: str,
    sign: str,
    events: Iterable[Noted],
    of: _Key,
    span: timedelta,
    bound: int,
    users: int,
) -> list[Sign]:
    """Signs by how much there was in a short time; the latest such time counts.

    A window that ends at now would show them only to somebody who looks at the right minute.
    """
    groups = _by_subject(seen.acknowledged, kind, events, of)
    found = []
    for subject, its in groups.items():
        burst: tuple[int, int, int] | None = None
        start, present = 0, Counter[bytes | None]()
        for place, event in enumerate(its):
            present[event.uid] += 1
            while _seconds(its[start].at, event.at) > span.total_seconds():
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


def _after_unlocks(seen: Seen, bound: int) -> list[Sign]:
    """Users who were unlocked and gave wrong answers before the next right one.

    The person who had the PIN unlocked may not be its owner. Linear, whatever one user did.
    """
    groups: defaultdict[bytes, list[tuple[Noted, bool]]] = defaultdict(list)
    unlocks = _since(seen, seen.unlocks, WEEK)
    unlocked = {event.uid for event in unlocks}
    wrong = [e for e in _present(seen, seen.wrong) if e.uid in unlocked]
    pairs = [*((e, True) for e in unlocks), *((e, False) for e in wrong)]
    for event, is_unlock in sorted(pairs, key=lambda pair: pair[0].number):
        if event.uid is not None and event.number > seen.acknowledged.get(("user", event.uid), 0):
            groups[event.uid].append((event, is_unlock))
    found = []
    for uid, events in groups.items():
        after: list[Noted] | None = None
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


def _since(seen: Seen, events: Iterable[Noted], window: timedelta) -> list[Noted]:
    """The events of a window that ends at now."""
    first, last = _written(seen.now - window), _written(seen.now)
    return [event for event in events if first <= event.at <= last]


def _present(seen: Seen, events: Iterable[Noted]) -> list[Noted]:
    """The events that are about the PIN that their user has now."""
    versions = seen.versions
    return [
        event
        for event in events
        if event.uid is not None and event.version == versions.get(event.uid)
    ]


def users_in(seen: Seen) -> Collection[bytes]:
    """Those whose present PIN version counts."""
    unlocked = {event.uid for event in seen.unlocks}
    events = (*seen.locks, *seen.unresolved, *(e for e in seen.wrong if e.uid in unlocked))
    return {event.uid for event in events if event.uid is not None}


def _uid(event: Noted) -> Hashable:
    return event.uid


def _account(event: Noted) -> Hashable:
    return event.account


def _agent(event: Noted) -> Hashable:
    return event.agent


def _number(event: Noted) -> Hashable:
    return event.number


def _name(event: Noted) -> Hashable:
    return event.word or event.number


def _everybody(_event: Noted) -> Hashable:
    return "all"


def _written(now: datetime) -> str:
    return f"{now.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _seconds(first: str, last: str) -> float:
    try:
        return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    except (ValueError, TypeError):  # a time that pincli never wrote
        return float("inf")
