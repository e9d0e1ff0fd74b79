"""Alerts from what really happened: verifies, unlocks and unknown names, at made-up times."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from pincli.errors import PincliError
from pincli.operations import unlock
from pincli.operations.alerts import find_alerts
from pincli.operations.session import Need, Session
from pincli.operations.verify import verify
from pincli.results import Alerts
from pincli.rules import alarms
from pincli.store.sqlite import transaction
from tests.support.contract import call
from tests.support.desk import Desk
from tests.support.driving import RIGHT, WRONG

pytestmark = pytest.mark.engines

NOW = datetime(2026, 11, 24, 12, 30, 0, tzinfo=UTC)


def form(moment: datetime) -> str:
    """A time as events have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def at(desk: Desk, ago: timedelta, agent: str = "amy", now: datetime = NOW) -> Iterator[Session]:
    """A session whose clock shows another time."""
    moment = form(now - ago)
    ((before,),) = desk.sql("SELECT max(number) FROM trail")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "utc_now", lambda: moment)
        with desk.session(agent=agent, command="verify") as session:
            yield session
    if desk.is_served:  # where the server's clock counts
        desk.sql("UPDATE trail SET at = ? WHERE number > ?", moment, before)


def miss(session: Session, user: str, times: int = 1) -> None:
    """Wrong answers."""
    for _ in range(times):
        with suppress(PincliError):
            verify(session, user, WRONG, None)


def found(desk: Desk, now: datetime = NOW) -> Alerts:
    """What `alerts` finds at that time."""
    with desk.session(Need.WRITE) as session:
        return find_alerts(session, now=now)


@pytest.fixture
def floor(desk: Desk) -> Desk:
    """Six users with PINs, four of them of one account."""
    for user in ("alice", "bob", "carol", "dave"):
        desk.collected(user)
    for user in ("eve", "fay"):
        desk.collected(user, account="globex")
    return desk


def test_a_quiet_floor_has_no_alerts(floor: Desk) -> None:
    """Right answers, a few slips and one lock are a day's work."""
    with at(floor, timedelta(hours=1)) as session:
        verify(session, "alice", RIGHT, None)
        miss(session, "bob", 6)
        miss(session, "eve", 2)
        miss(session, "nobody")
    alerts = found(floor)
    assert not alerts.any
    assert sum(hour.failures for hour in alerts.failures) == 8


@pytest.mark.parametrize(("seconds", "seen"), [(alarms.DAY, True), (alarms.DAY + 1, False)])
def test_a_day_is_looked_back_for_accounts_and_agents(
    floor: Desk, seconds: int, seen: bool
) -> None:
    """To the second: 24 hours ago still counts."""
    with at(floor, timedelta(seconds=seconds)) as session:
        for user in ("alice", "bob", "carol", "dave", "eve"):
            miss(session, user)
        for name in ("x", "y", "z"):
            miss(session, name)
    alerts = found(floor)
    assert ([a.account for a in alerts.accounts] == ["acme"]) is seen
    assert ([(a.agent, a.users_failed, a.unknown_users) for a in alerts.agents]
            == [("amy", 5, 3)]) is seen  # fmt: skip
    assert alerts.any is seen


@pytest.mark.parametrize(
    ("seconds", "seen"), [(alarms.LOCK_WINDOW, True), (alarms.LOCK_WINDOW + 1, False)]
)
def test_thirty_days_are_looked_back_for_locks(floor: Desk, seconds: int, seen: bool) -> None:
    """The first of two locks just within the window, or just outside it."""
    with at(floor, timedelta(seconds=seconds)) as session:
        miss(session, "alice", 6)
        unlock.unlock(session, "alice", "rang")
    with at(floor, timedelta(days=2)) as session:
        miss(session, "alice", 6)
    alerts = found(floor)
    assert [(u.sign, u.user, u.times) for u in alerts.users] == (
        [("locked_again", "alice", 2)] if seen else []
    )


def test_misses_soon_after_an_unlock(floor: Desk) -> None:
    """Three within the hour, whoever the agent was."""
    with at(floor, timedelta(hours=3)) as session:
        miss(session, "eve", 6)
    with at(floor, timedelta(hours=2)) as session:
        unlock.unlock(session, "eve", "rang")
    with at(floor, timedelta(hours=1), agent="ben") as session:
        miss(session, "eve", 3)
    assert [(u.sign, u.user, u.times) for u in found(floor).users] == [
        ("failing_after_unlock", "eve", 3)
    ]
    assert found(floor, NOW + timedelta(days=1)).users == []


def test_the_charted_hours_are_the_last_twenty_four(floor: Desk) -> None:
    """Oldest first, the present one last, also across a change of the month."""
    alerts = found(floor, datetime(2026, 12, 1, 0, 30, tzinfo=UTC))
    assert len(alerts.hours) == 24
    assert (alerts.hours[0], alerts.hours[-1]) == ("2026-11-30T01", "2026-12-01T00")


@pytest.mark.parametrize("minutes", [0, 29, 30, 31, 600, 24 * 60 - 31, 24 * 60 - 1, 24 * 60])
def test_every_failure_that_is_counted_is_charted(floor: Desk, minutes: int) -> None:
    """The closing figure is the sum of the bars: none falls out of the first hour."""
    with at(floor, timedelta(minutes=minutes)) as session:
        miss(session, "alice")
    alerts = found(floor)
    assert [hour.failures for hour in alerts.failures if hour.hour in alerts.hours] == [
        hour.failures for hour in alerts.failures
    ]


def test_the_commands_shown_can_be_run(floor: Desk) -> None:
    """Each is a line of pincli's, about the very one that the alert is about."""
    now = datetime.now(UTC)
    with at(floor, timedelta(minutes=5), agent="amy", now=now) as session:
        for user in ("alice", "bob", "carol", "dave", "eve"):
            miss(session, user)
        miss(session, "alice", 5)
        unlock.unlock(session, "alice", "rang")
        miss(session, "alice", 6)
    answer = call(floor, "alerts --json").answer
    commands = [each["command"] for key in ("accounts", "agents", "users") for each in answer[key]]
    assert commands == [
        "pincli reset --account acme",
        "pincli audit list --agent amy --since 24h",
        "pincli reset alice",
        "pincli reset alice",
    ]
    for command in commands:
        words = shlex.split(command)[1:]
        ran = call(floor, [*words, "--dry-run", "--json"] if words[0] == "reset" else words)
        assert ran.code == 0, ran
        if words[0] == "reset":
            assert "alice" in ran.out
        else:
            assert ran.out.count("incorrect") == 16


def test_an_agents_command_survives_a_shell(floor: Desk) -> None:
    """A login of a Windows domain holds a backslash."""
    now = datetime.now(UTC)
    with at(floor, timedelta(minutes=5), agent="FLOOR\\amy b", now=now) as session:
        for name in ("x", "y", "z"):
            miss(session, name)
    (agent,) = call(floor, "alerts --json").answer["agents"]
    assert shlex.split(agent["command"])[4] == "FLOOR\\amy b"


@pytest.mark.parametrize("form_of", ["", " --json"])
def test_the_exit_code_says_4_only_if_there_are_any(floor: Desk, form_of: str) -> None:
    """And only when it is asked for; `ok` stays true."""
    assert call(floor, f"alerts --exit-code{form_of}").code == 0
    with at(floor, timedelta(minutes=5), now=datetime.now(UTC)) as session:
        for name in ("x", "y"):
            miss(session, name)
        assert call(floor, f"alerts --exit-code{form_of}").code == 0
        miss(session, "z")
    assert call(floor, f"alerts{form_of}").code == 0
    ran = call(floor, f"alerts --exit-code{form_of}")
    assert ran.code == 4
    assert not form_of or ran.answer["ok"]


@pytest.mark.folder
def test_alerts_need_no_key(floor: Desk) -> None:
    """A script that only looks needs none, and changes nothing."""
    before = floor.database.read_bytes()
    for path in floor.keys.iterdir():
        path.unlink()
    assert call(floor, "alerts --json").code == 0
    assert floor.database.read_bytes() == before
