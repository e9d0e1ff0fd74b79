"""An attempt that a killed process left open: the first look after ten seconds ends it."""

from __future__ import annotations

import pytest

from pincli.models import EventKind
from tests.support.at_the_desk import end_shift, look_up, start_desk
from tests.support.desk import Desk, killed
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    count,
    drive,
    driven,
    guess_wrong,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.tmux import Tmux

LOOKS = {
    "status alice": ("status", "alice", "--json"),
    "status bob": ("status", "bob", "--json"),
    "alerts": ("alerts", "--json"),
}


def _left_open(desk: Desk, pin: str, ago: int = 11) -> None:
    """Charge an attempt some seconds ago, and kill its process."""
    plan = Plan(at=(("charged", "kill"),), ago=ago)
    assert killed(drive(desk, *verify_of("alice"), plan=plan, pin=pin).code)
    assert desk.user("alice").attempt is not None


@pytest.fixture
def floor(desk: Desk) -> Desk:
    """Alice is one miss short of her lock; bob is there too."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    guess_wrong(desk, "alice", 5)
    return desk


@pytest.mark.parametrize(
    ("pin", "look"), [*((WRONG, look) for look in LOOKS), (RIGHT, "status alice")]
)
def test_a_look_ends_it(floor: Desk, pin: str, look: str) -> None:
    """With the outcome of its answer: a sixth miss locks without another call."""
    _left_open(floor, pin)
    shown = floor.run(*LOOKS[look])
    assert shown.code == 0
    wrong = pin == WRONG
    assert look != "status alice" or (shown.answer["state"] == "locked") == wrong
    user, events = floor.user("alice"), floor.events("alice")
    assert (user.attempt, user.failed_attempts) == (None, 6 if wrong else 0)
    assert (user.locked_since is not None) == wrong
    assert count(events, EventKind.LOCKED) == wrong
    assert count(events, EventKind.VERIFIED) == (not wrong)
    nothing_impossible(floor)


def test_a_young_attempt_is_left_to_its_process(floor: Desk) -> None:
    """Which may still settle it."""
    _left_open(floor, WRONG, ago=0)
    for look in LOOKS.values():
        assert floor.run(*look).code == 0
        assert floor.user("alice").attempt is not None


def test_without_the_key_a_look_leaves_it_open(floor: Desk) -> None:
    """The host can't write, but answers."""
    _left_open(floor, WRONG)
    key = floor.keys / "audit.key"
    aside = key.rename(key.with_name("aside"))
    for look in LOOKS.values():
        assert floor.run(*look).code == 0
    aside.rename(key)
    assert floor.user("alice").attempt is not None
    nothing_impossible(floor)


def test_during_a_write_a_look_leaves_it_open(floor: Desk) -> None:
    """The lock is tried once, without waiting."""
    _left_open(floor, WRONG)
    holder = Plan(at=(("sql:UPDATE", "pause"),))
    with driven(floor, *verify_of("bob"), plan=holder, pin=OTHER) as stuck:
        stuck.await_pause()
        for look in LOOKS.values():
            looked = drive(floor, *look, plan=Plan(longest_wait=3600))
            assert looked.code == 0, looked
        stuck.go_on()
        assert stuck.end().code == 0
    assert floor.user("alice").attempt is not None


def test_the_desk_ends_it(floor: Desk, agent: Tmux) -> None:
    """By any search."""
    _left_open(floor, WRONG)
    start_desk(agent)
    look_up(agent, "bob")
    assert floor.user("alice").locked_since is not None
    end_shift(agent)
    nothing_impossible(floor)


def test_a_tampered_record_keeps_no_other_attempt_open(floor: Desk) -> None:
    """The next user's lock is still recorded."""
    _left_open(floor, WRONG)
    floor.sql("UPDATE people SET display_name = 'Mallory' WHERE login = 'bob'")
    plan = Plan(at=(("charged", "kill"),), ago=11)
    floor.collected("carol", pin=OTHER)
    drive(floor, *verify_of("carol"), plan=plan, pin=WRONG)
    floor.sql("UPDATE people SET display_name = 'Mallory' WHERE login = 'alice'")
    assert floor.run("alerts", "--json").code == 0
    assert floor.user("carol").attempt is None
