"""What operations find out: results that commands hand to views."""

from __future__ import annotations

from typing import NamedTuple

from pincli.models import Head, User


class RowProblem(NamedTuple):
    """What is wrong with one row; `message` repeats nothing of a PIN.

    Attributes:
        line: Where the row begins in the file, from 1.
        column: The column's name, or empty for the row as a whole.
    """

    line: int
    column: str
    message: str


class ImportTally(NamedTuple):
    """What an import does, or did.

    Attributes:
        pins: Always 0, as imports carry none; scripts may rely on the key.
    """

    rows: int
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0
    pins: int = 0


class TrailReport(NamedTuple):
    """What a check of the trail found.

    Attributes:
        events: How many events it holds.
        head: The last of them.
        seq: The number of the first bad row, if there is one.
        finding: What is wrong, in words; None if nothing is.
    """

    events: int
    head: Head
    seq: int | None
    finding: str | None


class UserAlert(NamedTuple):
    """A user who looks attacked.

    Attributes:
        sign: `locked_again` or `failing_after_unlock`.
        times: How many locks, or wrong answers after the unlock.
        latest: When the last of them was.
    """

    sign: str
    user: str
    account: str
    times: int
    latest: str


class AccountAlert(NamedTuple):
    """An account of which several users answered wrongly within a day."""

    account: str
    users_failed: int
    failures: int
    latest: str


class AgentAlert(NamedTuple):
    """An agent with whom many users failed, or who asked for several unknown ones."""

    agent: str
    users_failed: int
    unknown_users: int


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
    """

    accounts: list[AccountAlert]
    agents: list[AgentAlert]
    users: list[UserAlert]
    failures: list[HourlyFailures]
    hours: list[str]

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.accounts or self.agents or self.users)


class KeyInfo(NamedTuple):
    """One key file.

    Attributes:
        kind: `verify`, `portal` or `audit`.
        present: Whether it is the one that the store expects now.
        made_at: When the file was made, ISO 8601, UTC.
        users: How many users' records need it.
        usable: False for a file that holds no key, such as a killed rotation leaves.
    """

    file: str
    kind: str
    fingerprint: str
    present: bool
    made_at: str
    users: int
    usable: bool = True


class Restored(NamedTuple):
    """What a restore did.

    Attributes:
        withdrawn: PINs withdrawn, because they differ from what came after the backup.
        kept_users: Users who came after the backup, and were kept.
        kept_events: Events that came after it, and were kept.
        changed: Users whose record is not as their last event said; each has a new one.
        aside: Where the replaced store lies; None if there was none.
        left_out: Events of the backup that are not in the store's trail: the two had parted.
    """

    withdrawn: int
    kept_users: int
    kept_events: int
    changed: int
    aside: str | None
    left_out: int = 0


class Upgraded(NamedTuple):
    """What became of a store of schema 1.

    Attributes:
        events: How many the old trail has.
        withdrawn: PINs withdrawn, because the old trail contradicts the record.
        locked: Users whose sixth attempt had been left open.
    """

    users: int
    events: int
    withdrawn: int
    locked: list[User]


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        finding: What is wrong; None if nothing is.
        hint: What to do then.
    """

    what: str
    finding: str | None
    hint: str
