"""What operations find out: results that commands hand to views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pincli.models import Event, Head, State, User


class Listed(NamedTuple):
    """Some of the events that are wanted.

    Attributes:
        pages: The events, read as they are asked for.
        total: How many are wanted, also beyond the limit.
    """

    pages: Iterator[list[Event]]
    total: int


class RowProblem(NamedTuple):
    """What is wrong with one row; nothing of it repeats a PIN.

    Attributes:
        line: Where the row begins in the file, from 1.
        column: The column's name, or empty for the row as a whole.
        value: What it holds, cut short, masked.
    """

    line: int
    column: str
    message: str
    value: str = ""


class ImportTally(NamedTuple):
    """What an import does, or did.

    Attributes:
        pins: Always 0, as imports carry none; scripts may rely on the key.
        rejected: How many rows of the file were bad, and left out.
    """

    rows: int
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0
    pins: int = 0
    rejected: int = 0


class TrailReport(NamedTuple):
    """What a check of the trail found.

    Attributes:
        events: How many events it holds.
        head: The last of them.
        seq: The number of the first bad row, if there is one.
        finding: What is wrong, in words; None if nothing is.
        first: The number of the first event that was looked at: those before are archived.
    """

    events: int
    head: Head
    seq: int | None
    finding: str | None
    first: int = 1


class Archived(NamedTuple):
    """What `audit archive` did.

    Attributes:
        first: The number of the first event in the file; None if there was none to archive.
        last: The number of the last one.
        digest: SHA-256 of the file, hexadecimal.
        names: How many typed names of unknown users were dropped from later events.
    """

    first: int | None
    last: int | None
    digest: str | None
    names: int


class Activity(NamedTuple):
    """How many answers and locks there were.

    Attributes:
        incorrect: Wrong answers.
        locked: Locks, those by hand included.
        unresolved: Users with a wrong answer and no right one within fifteen minutes.
    """

    verified: int
    incorrect: int
    locked: int
    unlocked: int
    unresolved: int = 0


class Day(NamedTuple):
    """What happened on a day, as `2026-11-24`, by local time."""

    day: str
    activity: Activity


class Done(NamedTuple):
    """What admins did by one command.

    Attributes:
        what: The command; or that it was refused to somebody without the role.
        times: How many users it was done to, or how often.
        by: Who, and how many each.
        reason: One that was given with it; None if there was none.
    """

    what: str
    times: int
    by: list[tuple[str, int]]
    reason: str | None


class Report(NamedTuple):
    """What happened in a span of time.

    Attributes:
        since: ISO 8601, UTC; so is `until`.
        by: Who made it.
        sealed: The number of the newest event with a seal.
        before: The figures of as long a span before.
        accounts: Those with a sign, then those with the most unresolved; so are `agents`.
        states: How many users are in each state now.
    """

    since: str
    until: str
    by: str
    sealed: int
    now: Activity
    before: Activity
    days: list[Day]
    accounts: list[tuple[str, Activity]]
    agents: list[tuple[str, Activity]]
    done: list[Done]
    states: dict[State, int]


class Alert(NamedTuple):
    """A sign of an attack, as it is shown.

    Attributes:
        id: What it is acknowledged by, such as `agent:mia`.
        kind: `user`, `account`, `agent` or `floor`.
        sign: Which one, in a word for programs.
        name: The user's login, the account or the agent; empty for the floor.
        account: The user's, or the account itself; None for the others.
        counted: The count that is compared with the bound.
        bound: From how many on it is a sign.
        since: When the bound was reached, ISO 8601, UTC.
        latest: When the last event that counts was.
        users: How many users it is about.
        failures: How many events count.
        agents: With whom, those with the most first.
        tickets: The tickets of these events.
    """

    id: str
    kind: str
    sign: str
    name: str
    account: str | None
    counted: int
    bound: float
    since: str
    latest: str
    users: int
    failures: int
    agents: list[str]
    tickets: list[str]


class Acknowledged(NamedTuple):
    """A sign that an admin has acknowledged: its id, when, who, and why."""

    id: str
    account: str | None
    at: str
    by: str
    reason: str


class HourlyFailures(NamedTuple):
    """How many wrong answers an account's users gave in one hour.

    Attributes:
        hour: As `2026-11-24T13`, UTC.
    """

    account: str
    hour: str
    failures: int


class Alerts(NamedTuple):
    """All signs of an attack.

    Attributes:
        hours: The last day's hours, oldest first, for the chart.
        acknowledged: What was acknowledged in the last 30 days, the latest first.
    """

    signs: list[Alert]
    failures: list[HourlyFailures]
    hours: list[str]
    acknowledged: list[Acknowledged]


class KeyInfo(NamedTuple):
    """One key file.

    Attributes:
        kind: `verify`, `portal` or `audit`.
        present: Whether it is the one that the store expects now.
        made_at: When the file was made, ISO 8601, UTC.
        users: How many users' records need it.
        usable: False for a file that holds no key, such as a killed rotation leaves.
        age_days: How many whole days ago that was.
        compromised: Whether it was set aside, as others may have it.
    """

    file: str
    kind: str
    fingerprint: str
    present: bool
    made_at: str
    users: int
    usable: bool = True
    age_days: int = 0
    compromised: bool = False


class Restored(NamedTuple):
    """What a restore did.

    Attributes:
        withdrawn: PINs withdrawn, because something happened since the backup.
        kept_users: Always 0, as the users are the backup's; scripts may rely on the key.
        kept_events: Always 0, as the trail is the backup's.
        changed: Users whose record is not as their last event said; each has a new one.
        aside: Where the replaced store lies; None if there was none.
        left_out: Always 0, as the trail is the backup's, whole.
        gone_users: Users whom only the replaced store has.
    """

    withdrawn: int
    kept_users: int = 0
    kept_events: int = 0
    changed: int = 0
    aside: str | None = None
    left_out: int = 0
    gone_users: int = 0


class Upgraded(NamedTuple):
    """What became of a store of schema 1.

    Attributes:
        events: How many the old trail has.
        withdrawn: PINs withdrawn, because the old trail contradicts the record.
        locked: How many users had left a sixth attempt open.
    """

    users: int
    events: int
    withdrawn: int
    locked: int


class Moved(NamedTuple):
    """A store that is on a server now.

    Attributes:
        location: Where.
        users: How many it has.
        events: How many events its trail has, those of schema 1 included.
        moved: Whether it was moved now; False if it had been moved there before.
    """

    location: str
    users: int
    events: int
    moved: bool


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        finding: What is wrong; None if nothing is.
        hint: What to do then; or why it was not checked.
        checked: Whether it could be looked at.
    """

    what: str
    finding: str | None
    hint: str
    checked: bool = True


def unchecked(what: str, why: str) -> Check:
    """Something that can't be looked at from here: neither well nor sick."""
    return Check(what, None, why, checked=False)


class Called(NamedTuple):
    """A user's names, for ranking many: the row's number, and the texts that words come from."""

    id: int
    login: str
    display_name: str
    email: str | None
    account: str
    active: bool


class Found(NamedTuple):
    """Who was found.

    Attributes:
        people: Those who fit best, the best first.
        more: How many others fit, of those that were counted.
        all_counted: Whether nobody else fits: no more than a thousand are counted.
        certain: Whether the first one can be meant and nobody else.
        near: If nobody fits: words that fit somebody if they replace one that was typed.
    """

    people: tuple[User, ...]
    more: int = 0
    all_counted: bool = True
    certain: bool = False
    near: tuple[str, ...] = ()


class Erased(NamedTuple):
    """What became of an erased user.

    Attributes:
        user: The record afterwards.
        old_events: How many events of schema 1 hold the login that was.
        archive_before: A date that all of these lie before; None if there are none.
    """

    user: User
    old_events: int
    archive_before: str | None
