"""Finding signs of an attack, and acknowledging them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from pincli.errors import AmbiguousUser, Refused, Rule
from pincli.models import EventKind, User
from pincli.operations.people import require_user
from pincli.operations.session import Session
from pincli.results import Acknowledged, Alert, Alerts, HourlyFailures
from pincli.rules import signs as rules
from pincli.rules import slips
from pincli.rules.signs import Bounds, Evidence, Sign, Subject
from pincli.rules.slips import Calls, SignEvent, Usual
from pincli.rules.times import present, written
from pincli.store.questions import Signs

_HOURS = 24
_TO_THE_HOUR = len("2026-11-24T13")
_TICKETS_OF = 500
"""How many events of one sign to look up tickets for."""


def find_alerts(
    session: Session,
    *,
    bounds: Bounds = rules.DEFAULTS,
    about_agents: bool = True,
    now: datetime | None = None,
) -> Alerts:
    """Find every sign of an attack in the trail; those about agents only if the caller may."""
    now = now or present()
    store = session.store.signs
    noted = store.noted(EventKind.ACKNOWLEDGED, written(now - rules.LONGEST_WINDOW), written(now))
    evidence, usual = _evidence(store, now, noted)
    every = rules.signs(evidence, usual, bounds)
    found = [sign for sign in every if about_agents or sign.kind != "agent"]
    uids = {each.subject for each in found if isinstance(each.subject, bytes)}
    people = store.people([*uids, *{e.uid for e in noted if e.uid is not None}])
    hours = [written(now - timedelta(hours=ago))[:_TO_THE_HOUR] for ago in range(_HOURS)[::-1]]
    last_day, until = written(now - rules.DAY), written(now)
    recent = [event for event in evidence.wrong if last_day <= event.at <= until]
    return Alerts(
        signs=[_alert(store, sign, people) for sign in found],
        failures=_charted(recent, hours[0]),
        hours=hours,
        acknowledged=_acknowledged(store, noted[::-1], people, about_agents=about_agents),
    )


def acknowledge(
    session: Session,
    sign: str,
    reason: str,
    *,
    account: str | None = None,
    agent: str | None = None,
    bounds: Bounds = rules.DEFAULTS,
) -> None:
    """Record that a sign was dealt with; older events no longer count for it.

    The sign must exist, so that nobody acknowledges in advance what they are about to do. With
    roles, an `agent` doesn't acknowledge a sign about themselves. The session needs Need.WRITE.

    Raises:
        Refused: It is about the caller, or doesn't exist.
        AmbiguousUser: Several accounts have that login.
    """
    if agent is not None and sign == f"agent:{agent}":
        raise Refused(Rule.OWN_SIGN, sign)
    found = [
        each
        for each in find_alerts(session, bounds=bounds).signs
        if each.id == sign and account in (None, each.account)
    ]
    if not found:
        raise Refused(Rule.NO_SIGN, sign)
    accounts = sorted({each.account for each in found if each.account is not None})
    if len(accounts) > 1:
        raise AmbiguousUser(found[0].name, accounts)
    about: User | None = None
    if found[0].kind == "user":
        about = require_user(session, found[0].name, account=found[0].account)
    from pincli.store.steps.alerts import acknowledge as step

    session.store.write(step, about, sign=sign, reason=reason)


def _evidence(
    store: Signs, now: datetime, acknowledged: Sequence[SignEvent]
) -> tuple[Evidence, Usual]:
    """Return the events to look for signs in, and what is usual."""
    days = _working_days(store, now)
    until = written(now)
    week = written(now - rules.WEEK - slips.RESOLVED_WITHIN)
    since = min([f"{day}T00:00:00Z" for day, _ in days] + [week])
    wrong = store.noted(EventKind.INCORRECT, since, until)
    unresolved = slips.unresolved(wrong)
    a_day_ago = written(now - rules.DAY - slips.KNOWN_WITHIN)
    unknown = store.noted(EventKind.REFUSED, a_day_ago, until, outcome="unknown_user")
    evidence = Evidence(
        now=now,
        wrong=wrong,
        unresolved=unresolved,
        unlocks=store.noted(EventKind.UNLOCKED, week, until),
        locks=store.noted(EventKind.LOCKED, written(now - rules.LONGEST_WINDOW), until),
        names=slips.unfollowed(unknown, store.known_after, now),
        versions={},
        acknowledged={_subject_of(event): event.number for event in acknowledged},
    )
    versions = {
        uid: version for uid, (*_, version) in store.people([*rules.users_in(evidence)]).items()
    }
    return evidence._replace(versions=versions), slips.usual_of(days, wrong, unresolved)


def _working_days(store: Signs, now: datetime) -> list[tuple[str, Calls]]:
    """Return the last whole days with calls; with today, if they are too few."""
    days, working, ago = list[tuple[str, Calls]](), list[tuple[str, Calls]](), 1
    while len(working) < slips.WORKING_DAYS and timedelta(days=ago) <= rules.LONGEST_WINDOW:
        days += _calls_of(store, now - timedelta(days=ago))
        working = slips.working(days)
        ago += 1
    enough = len(working) >= slips.DAYS_TO_KNOW
    return working if enough else slips.working(days + _calls_of(store, now))


def _calls_of(store: Signs, day: datetime) -> list[tuple[str, Calls]]:
    first, following = (f"{moment:%Y-%m-%d}T00:00:00Z" for moment in (day, day + rules.DAY))
    calls = store.calls(first, following)
    return [(first[:10], calls)] if calls.total else []


def _subject_of(event: SignEvent) -> Subject:
    if event.uid is not None:
        return "user", event.uid
    kind, _, subject = (event.word or "").partition(":")
    return kind, subject


def _alert(store: Signs, sign: Sign, people: dict[bytes, tuple[str, str, int]]) -> Alert:
    name, account = str(sign.subject), None
    if isinstance(sign.subject, bytes):
        name, account, _ = people[sign.subject]
    elif sign.kind == "account":
        account = name
    agents = Counter(event.agent for event in sign.events)
    return Alert(
        id=f"{sign.kind}:{name}",
        kind=sign.kind,
        sign=sign.sign,
        name=name,
        account=account,
        counted=sign.counted,
        bound=sign.bound,
        since=sign.since,
        latest=sign.events[-1].at,
        users=len({event.uid for event in sign.events if event.uid is not None}),
        failures=len(sign.events),
        agents=[agent for agent, _ in agents.most_common()],
        tickets=store.tickets([event.number for event in sign.events[-_TICKETS_OF:]]),
    )


def _acknowledged(
    store: Signs,
    events: Sequence[SignEvent],
    people: dict[bytes, tuple[str, str, int]],
    *,
    about_agents: bool,
) -> list[Acknowledged]:
    found = []
    reasons = store.reasons([event.number for event in events])
    for event in events:
        kind, subject = _subject_of(event)
        if (kind == "agent" and not about_agents) or (kind == "user" and subject not in people):
            continue
        account = str(subject) if kind == "account" else None
        if isinstance(subject, bytes):
            subject, account, _ = people[subject]
        reason = reasons.get(event.number, "")
        found.append(Acknowledged(f"{kind}:{subject}", account, event.at, event.agent, reason))
    return found


def _charted(wrong: Sequence[SignEvent], first: str) -> list[HourlyFailures]:
    """Count wrong answers by account and hour; the first part of an hour counts with the next."""
    hours = Counter((event.account or "", max(event.at[:_TO_THE_HOUR], first)) for event in wrong)
    return [HourlyFailures(account, hour, count) for (account, hour), count in hours.items()]
