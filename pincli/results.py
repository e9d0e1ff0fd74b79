"""Results of operations, which commands hand to views."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pincli.models import Change, EventKind, Head, State, User


class Event(NamedTuple):
    """An event as lists show it: with the user's present login, and its free texts.

    Attributes:
        seq: Its number; the trail has no gaps.
        agent: OS login of who ran the command; under sudo, of who invoked sudo.
        attempt: The seq of the attempt that this outcome ends.
        outcome: The word for an outcome or a refusal.
        attempts_used: The user's counter after it.
        mac: Its link, hexadecimal; before schema 2, an HMAC over the previous mac and itself.
    """

    seq: int
    at: str
    agent: str
    command: str
    kind: EventKind
    user: str | None
    account: str | None
    attempt: int | None
    outcome: str | None
    attempts_used: int | None
    pin_version: int | None
    reason: str | None
    ticket: str | None
    mac: str


class Notice(NamedTuple):
    """A lock that still has to go to the deployment's hook.

    Attributes:
        number: Of the event that recorded it.
        kind: `locked`, or `locked_by_hand`.
        agent: Who took the last answer, or locked by hand.
    """

    number: int
    at: str
    kind: str
    agent: str
    login: str
    account: str
    display_name: str
    locks_total: int


class EventFilter(NamedTuple):
    """Which events are wanted; None is any.

    Attributes:
        kind: A word of EventKind, or a command: everything that it did.
        since: The earliest time, ISO 8601, UTC; `until` is the latest.
        after: Only events with a higher number.
    """

    user: str | None = None
    account: str | None = None
    agent: str | None = None
    kind: str | None = None
    ticket: str | None = None
    since: str | None = None
    until: str | None = None
    after: int | None = None


class ShownPin(NamedTuple):
    """A PIN on its way to its owner; `first` if this look generated it."""

    user: User
    pin: str
    first: bool

    def __repr__(self) -> str:
        return f"ShownPin({self.user.login!r})"


class ResetUser(NamedTuple):
    """What a reset changed for one user, and the PIN that it issued, if any."""

    change: Change
    pin: str | None = None

    def __repr__(self) -> str:
        return f"ResetUser({self.change!r})"


class Listed(NamedTuple):
    """Events up to a limit, read lazily, and how many there are without the limit."""

    pages: Iterator[list[Event]]
    total: int


class RowProblem(NamedTuple):
    """What is wrong with one row of a file; it never repeats a PIN.

    Attributes:
        line: Where the row begins, from 1.
        column: The column's name; empty for the row as a whole.
        value: The value, masked and cut short.
    """

    line: int
    column: str
    message: str
    value: str = ""


class ImportTally(NamedTuple):
    """The numbers of an import.

    Attributes:
        pins: Always 0; scripts may rely on the key.
        rejected: Bad rows, which were left out.
    """

    rows: int
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0
    pins: int = 0
    rejected: int = 0


class TrailReport(NamedTuple):
    """The result of a check of the trail.

    Attributes:
        events: How many events it has.
        head: The last event.
        seq: The number of the first bad event.
        finding: What is wrong, in words; None if nothing is.
        first: The first event that was checked: earlier ones are archived.
    """

    events: int
    head: Head
    seq: int | None
    finding: str | None
    first: int = 1


class Archived(NamedTuple):
    """The result of `audit archive`.

    Attributes:
        first: The number of the first event in the file; None if there was nothing to archive.
        last: The number of the last event in it.
        digest: SHA-256 of the file, hexadecimal.
        names: How many typed names of unknown users were dropped from later events.
        stopped_by: Number and time of an event that is too young, if later ones are old.
    """

    first: int | None
    last: int | None
    digest: str | None
    names: int
    stopped_by: tuple[int, str] | None = None


class Activity(NamedTuple):
    """How many answers and locks there were.

    Attributes:
        locked: Locks, including those by hand.
        unresolved: Users with a wrong answer and no right one within fifteen minutes.
    """

    verified: int
    incorrect: int
    locked: int
    unlocked: int
    unresolved: int = 0


class Day(NamedTuple):
    """The figures of a local date, such as `2026-11-24`."""

    day: str
    activity: Activity


class Done(NamedTuple):
    """What admins did with one command.

    Attributes:
        what: The command, or that it was refused for lack of a role.
        times: How often it ran; for what has no event of its own, how often a user had it done.
        users: How many users it was about.
        by: Each admin, and how often they did it.
        reason: One of the reasons given.
    """

    what: str
    times: int
    users: int
    by: list[tuple[str, int]]
    reason: str | None


class Report(NamedTuple):
    """What happened in a span of time.

    Attributes:
        since: ISO 8601, UTC; so is `until`.
        by: Who made the report.
        sealed: The number of the newest sealed event.
        before: The figures of an equal span before.
        accounts: Those with a sign, then those with the most unresolved; also `agents`.
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
    """A sign of an attack.

    Attributes:
        id: For `alerts ack`, such as `agent:mia`.
        kind: `user`, `account`, `agent` or `floor`.
        sign: Which sign, in a word for programs.
        name: The user's login, the account or the agent; empty for the floor.
        account: The user's account, or the account itself.
        counted: The count that is compared with the bound.
        bound: The count from which on it is a sign.
        since: When the bound was reached, ISO 8601, UTC.
        latest: When the last event was.
        users: How many users it is about.
        failures: How many events count.
        agents: Those with the most events first.
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
    """A sign that an admin has acknowledged."""

    id: str
    account: str | None
    at: str
    by: str
    reason: str


class HourlyFailures(NamedTuple):
    """How many wrong answers an account's users gave in an hour, such as `2026-11-24T13`, UTC."""

    account: str
    hour: str
    failures: int


class Alerts(NamedTuple):
    """All signs of an attack.

    Attributes:
        hours: The last day's hours, oldest first, for the chart.
        acknowledged: The acknowledged signs of the last 30 days, the latest first.
    """

    signs: list[Alert]
    failures: list[HourlyFailures]
    hours: list[str]
    acknowledged: list[Acknowledged]


class KeyInfo(NamedTuple):
    """One key file.

    Attributes:
        kind: `verify`, `portal` or `audit`.
        present: Whether the store uses it now.
        made_at: When the file was made, ISO 8601, UTC.
        users: How many users' records need it.
        usable: False if the file holds no key, after a killed rotation.
        age_days: Whole days since `made_at`.
        compromised: Whether it was set aside because others may have it.
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
    """The result of a restore.

    Attributes:
        withdrawn: PINs that were withdrawn because something happened since the backup.
        kept_users: Always 0, as are `kept_events` and `left_out`; scripts may rely on the keys.
        changed: Users whose record contradicted their last event, and was repaired.
        aside: The path of the replaced store; None if there was none.
        gone_users: Users that only the replaced store has.
    """

    withdrawn: int
    kept_users: int = 0
    kept_events: int = 0
    changed: int = 0
    aside: str | None = None
    left_out: int = 0
    gone_users: int = 0


class Upgraded(NamedTuple):
    """The result of upgrading a store of schema 1.

    Attributes:
        events: How many events the old trail has.
        withdrawn: PINs that were withdrawn because the old trail contradicts the record.
        locked: How many users had left a sixth attempt open.
    """

    users: int
    events: int
    withdrawn: int
    locked: int


class Moved(NamedTuple):
    """A store that is on a server now.

    Attributes:
        events: How many events its trail has, including those of schema 1.
        moved: False if it had been moved there before.
    """

    location: str
    users: int
    events: int
    moved: bool


class Check(NamedTuple):
    """One check of the doctor.

    Attributes:
        finding: What is wrong; None if nothing is.
        hint: What to do about it; or why it was not checked.
    """

    what: str
    finding: str | None
    hint: str
    checked: bool = True


def unchecked(what: str, why: str) -> Check:
    """A check that can't be made from here."""
    return Check(what, None, why, checked=False)


class Candidate(NamedTuple):
    """A user's row number and names, for ranking many."""

    id: int
    login: str
    display_name: str
    email: str | None
    account: str
    active: bool


class Found(NamedTuple):
    """The result of a search.

    Attributes:
        people: The best hits first.
        more: How many more were counted.
        all_counted: Whether there are no others: at most a thousand are counted.
        certain: Whether only the first one can be meant.
        near: If there is no hit, words that find somebody if they replace one that was typed.
    """

    people: tuple[User, ...]
    more: int = 0
    all_counted: bool = True
    certain: bool = False
    near: tuple[str, ...] = ()


class Erased(NamedTuple):
    """The result of erasing a user.

    Attributes:
        user: The record afterwards.
        old_events: How many events of schema 1 hold the old login.
        archive_before: A date after all of these events; None if there are none.
    """

    user: User
    old_events: int
    archive_before: str | None
