"""Alerts from real events, at made-up times, on both engines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from pincli.errors import AmbiguousUser, PincliError, Refused, Rule
from pincli.models import EventKind
from pincli.operations import alerts, locks, pins
from pincli.operations.session import Need, Session
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.results import Alerts
from pincli.rules.signs import Bounds
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
    """Open a session with another time on its clock."""
    moment = form(now - ago)
    ((before,),) = desk.sql("SELECT max(number) FROM trail")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "utc_now", lambda: moment)
        with desk.session(agent=agent, command="verify") as session:
            yield session
    if desk.is_served:  # where the server's clock counts
        desk.sql("UPDATE trail SET at = ? WHERE number > ?", moment, before)


def miss(session: Session, user: str, times: int = 1) -> None:
    for _ in range(times):
        with suppress(PincliError):
            verify(session, user, WRONG, None)


def found(desk: Desk, now: datetime = NOW) -> Alerts:
    with desk.session(Need.WRITE) as session:
        return alerts.find_alerts(session, now=now)


def ids(desk: Desk, now: datetime = NOW) -> set[tuple[str, str]]:
    """The signs at that time, each with its id."""
    return {(each.id, each.sign) for each in found(desk, now).signs}


@pytest.fixture
def floor(desk: Desk) -> Desk:
    """Six users with PINs, four of them of one account."""
    for user in ("alice", "bob", "carol", "dave"):
        desk.collected(user)
    for user in ("eve", "fay"):
        desk.collected(user, account="globex")
    return desk


def test_a_quiet_floor_has_no_alerts(floor: Desk) -> None:
    """Right answers, slips, one lock and a typing error are normal."""
    with at(floor, timedelta(hours=1)) as session:
        miss(session, "alice", 2)
        verify(session, "alice", RIGHT, None)
        miss(session, "bob", 4)
        miss(session, "eve", 2)
        miss(session, "nobody")
    quiet = found(floor)
    assert quiet.signs == []
    assert sum(hour.failures for hour in quiet.failures) == 8


def attacked(desk: Desk, now: datetime = NOW) -> None:
    """Amy fails for three users of acme; the first is locked, unlocked and guessed at again."""
    with at(desk, timedelta(hours=1), now=now) as session:
        for user in ("alice", "bob", "carol"):
            miss(session, user, 6 if user == "alice" else 3)
        locks.unlock(session, "alice", "rang")
    with at(desk, timedelta(minutes=30), agent="ben", now=now) as session:
        miss(session, "alice", 6)


SIGNS = {
    ("user:alice", "locked_again"),
    ("user:alice", "unresolved"),
    ("user:alice", "failing_after_unlock"),
    ("account:acme", "day"),
    ("agent:amy", "burst"),
}


def test_a_sign_has_its_figures_agents_and_tickets(floor: Desk) -> None:
    """A reset clears the signs about the old PIN."""
    attacked(floor)
    with at(floor, timedelta(minutes=20), agent="cas") as session, suppress(PincliError):
        verify(session, "bob", WRONG, "T-4711")
    assert ids(floor) == SIGNS
    of_account = next(each for each in found(floor).signs if each.kind == "account")
    assert (of_account.name, of_account.account, of_account.counted) == ("acme", "acme", 3)
    assert (of_account.users, of_account.failures, of_account.bound) == (3, 19, 3)
    assert (of_account.agents, of_account.tickets) == (["amy", "ben", "cas"], ["T-4711"])
    assert of_account.since == form(NOW - timedelta(hours=1))
    assert of_account.latest == form(NOW - timedelta(minutes=20))
    assert call(floor, "reset alice --yes").code == 0
    assert {each for each in ids(floor) if each[0] != "agent:amy"} == set()
    assert ("agent:amy", "burst") in ids(floor)


@pytest.mark.parametrize("sign", ["user:alice", "account:acme", "agent:amy"])
def test_an_acknowledged_sign_is_gone_until_more_happens(floor: Desk, sign: str) -> None:
    """Other signs stay; the event has the reason, and the list shows it for thirty days."""
    now = datetime.now(UTC)
    attacked(floor, now)
    with floor.session(agent="lea", command="alerts ack") as session:
        alerts.acknowledge(session, sign, "T-1: a training")
    later = now + timedelta(minutes=1)
    assert ids(floor, later) == {each for each in SIGNS if each[0] != sign}
    (acknowledged,) = found(floor, later).acknowledged
    assert (acknowledged.id, acknowledged.by, acknowledged.reason) == (
        sign,
        "lea",
        "T-1: a training",
    )
    assert found(floor, now + timedelta(days=31)).acknowledged == []
    event = floor.events()[-1]
    assert (event.kind, event.agent, event.user) == (
        EventKind.ACKNOWLEDGED, "lea", "alice" if sign == "user:alice" else None
    )  # fmt: skip
    with floor.session() as session:
        if not floor.is_served:  # where the tests have set the times behind the trail
            assert check_trail(session, None).finding is None
        with pytest.raises(Refused) as refused:
            alerts.acknowledge(session, sign, "again")
    assert refused.value.rule is Rule.NO_SIGN


def test_nobody_acknowledges_a_sign_about_themselves(floor: Desk) -> None:
    """With roles; and a sign that doesn't exist can't be acknowledged."""
    attacked(floor, datetime.now(UTC))
    with floor.session() as session:
        for agent, sign, rule in (
            ("amy", "agent:amy", Rule.OWN_SIGN),
            ("lea", "agent:lea", Rule.OWN_SIGN),
            ("lea", "agent:ben", Rule.NO_SIGN),
            (None, "nonsense", Rule.NO_SIGN),
        ):
            with pytest.raises(Refused) as refused:
                alerts.acknowledge(session, sign, "why", agent=agent)
            assert refused.value.rule is rule
        alerts.acknowledge(session, "agent:amy", "one person, one machine", agent=None)


def test_a_login_of_two_accounts_is_acknowledged_with_its_account(floor: Desk) -> None:
    """Two users have a sign of the same id."""
    floor.add("alice", "globex")
    with floor.session() as session:
        pins.change(session, "alice", RIGHT, account="globex")
    own = Bounds(user_wrong=2)
    with at(floor, timedelta(hours=1), now=datetime.now(UTC)) as session:
        for account in ("acme", "globex", "acme", "globex"):
            verify(session, "alice", WRONG, None, account=account)

    def accounts(session: Session) -> list[str | None]:
        return [each.account for each in alerts.find_alerts(session, bounds=own).signs]

    with floor.session() as session:
        assert accounts(session) == ["acme", "globex"]
        with pytest.raises(AmbiguousUser):
            alerts.acknowledge(session, "user:alice", "why", bounds=own)
        alerts.acknowledge(session, "user:alice", "why", account="globex", bounds=own)
        assert accounts(session) == ["acme"]


def test_agents_see_no_signs_about_agents(floor: Desk) -> None:
    """Neither present nor acknowledged ones."""
    attacked(floor, datetime.now(UTC))
    with floor.session() as session:
        seen = alerts.find_alerts(session, about_agents=False)
        assert {each.kind for each in seen.signs} == {"user", "account"}
        alerts.acknowledge(session, "agent:amy", "why")
        assert alerts.find_alerts(session, about_agents=False).acknowledged == []


def test_the_charted_hours_are_the_last_twenty_four(floor: Desk) -> None:
    """The oldest first, the present one last, even across months."""
    hours = found(floor, datetime(2026, 12, 1, 0, 30, tzinfo=UTC)).hours
    assert len(hours) == 24
    assert (hours[0], hours[-1]) == ("2026-11-30T01", "2026-12-01T00")


@pytest.mark.parametrize("minutes", [0, 29, 30, 31, 600, 24 * 60 - 31, 24 * 60 - 1, 24 * 60])
def test_every_failure_that_is_counted_is_charted(floor: Desk, minutes: int) -> None:
    """The total is the sum of the bars, including the part of the first hour."""
    with at(floor, timedelta(minutes=minutes)) as session:
        miss(session, "alice")
    seen = found(floor)
    assert [hour.failures for hour in seen.failures if hour.hour in seen.hours] == [
        hour.failures for hour in seen.failures
    ]


def test_the_commands_shown_can_be_run(floor: Desk) -> None:
    """Each command is about the subject of its alert."""
    attacked(floor, datetime.now(UTC))
    answer = call(floor, "alerts --json").answer
    lists = ("accounts", "agents", "users")
    commands = [each["command"] for key in lists for each in answer[key]]
    assert [*dict.fromkeys(commands)] == [
        "pincli reset --account acme",
        "pincli audit list --agent amy --since 24h",
        "pincli reset alice --account acme",
    ]
    for command in commands:
        words = shlex.split(command)[1:]
        ran = call(floor, [*words, "--dry-run", "--json"] if words[0] == "reset" else words)
        assert ran.code == 0, ran
        if words[0] == "reset":
            assert "alice" in ran.out
        else:
            assert ran.out.count("incorrect") == 12


def test_an_agents_command_survives_a_shell(floor: Desk) -> None:
    """Even with a backslash in the login, as in a Windows domain."""
    with at(floor, timedelta(minutes=5), agent="FLOOR\\amy b", now=datetime.now(UTC)) as session:
        for number in range(5):
            miss(session, f"nobody{number}")
    (agent,) = call(floor, "alerts --json").answer["agents"]
    assert shlex.split(agent["command"])[4] == "FLOOR\\amy b"


@pytest.mark.folder
def test_alerts_need_no_key(floor: Desk) -> None:
    """Without keys it still reads, and changes nothing."""
    before = floor.database.read_bytes()
    for path in floor.keys.iterdir():
        path.unlink()
    assert call(floor, "alerts --json").code == 0
    assert floor.database.read_bytes() == before
