"""A clock that was ten years ahead for a while."""

from __future__ import annotations

import time

import pytest

from pincli.models import Outcome
from tests.support.ageing import long_ago
from tests.support.contract import call, error_of
from tests.support.desk import Desk
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    asked,
    drive,
    guess_wrong,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan

AHEAD = Plan(ago=-3650 * 86_400)
UNLOCK = ("unlock", "alice", "--reason", "T-1", "--json")


def _locked_twice(desk: Desk, *, days_ahead: int) -> None:
    """Two locks and unlocks, then three misses."""
    with long_ago(-days_ahead):
        for _ in range(2):
            guess_wrong(desk, "alice", 6)
            assert call(desk, [*UNLOCK]).code == 0
        guess_wrong(desk, "alice", 3)


def test_future_events_raise_no_alert(desk: Desk) -> None:
    """Future events raise no alert; doctor reports them, and the counter stays."""
    desk.collected("alice")
    _locked_twice(desk, days_ahead=3650)
    alerts = desk.run("alerts", "--json", "--exit-code")
    assert alerts.code == 0, alerts
    checks = desk.run("doctor", "--json").answer["checks"]
    assert any("future" in str(check["finding"]) for check in checks), checks
    assert desk.user("alice").failed_attempts == 3
    nothing_impossible(desk)


def test_the_same_events_now_raise_one(desk: Desk) -> None:
    """The same events at the right time are a sign."""
    desk.collected("alice")
    _locked_twice(desk, days_ahead=0)
    assert desk.run("alerts", "--json", "--exit-code").code == 4


def test_an_unlock_in_the_future_makes_no_sign(desk: Desk) -> None:
    """An unlock in the future makes no sign of three misses now."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    guess_wrong(desk, "alice", 6)
    assert drive(desk, *UNLOCK, plan=AHEAD).code == 0
    guess_wrong(desk, "alice", 3)
    assert desk.run("alerts", "--json", "--exit-code").code == 0
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


def test_an_attempt_left_open_in_the_future_is_ended_by_the_next(desk: Desk) -> None:
    """An open attempt with a future date is ended by the next verify."""
    desk.collected("alice")
    dead = Plan(at=(("charged", "kill"),), ago=AHEAD.ago)
    drive(desk, *verify_of("alice"), plan=dead, pin=WRONG)
    assert desk.user("alice").attempt is not None
    assert desk.verify("alice", RIGHT).code == 0
    assert desk.user("alice").attempt is None
    nothing_impossible(desk)


@pytest.mark.parametrize(
    "line", ["verify alice --pin-stdin", "status", "doctor", "unlock alice --reason x", "alerts"]
)
def test_a_clock_after_the_end_of_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """A clock after the year 2262 is exit 8, and nothing is called damaged."""
    desk.collected("alice")
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", _too_late)
        ran = call(desk, line, RIGHT)
    assert ran.code == 8
    assert "clock" in error_of(ran)[0]
    assert desk.user("alice").failed_attempts == 0


def _too_late() -> float:
    raise OverflowError("timestamp too large to convert to C _PyTime_t")
