"""A renewal happens after the verdict is printed, in whole processes."""

from __future__ import annotations

import json

import pytest

from tests.support.desk import Desk, killed
from tests.support.driving import (
    RIGHT,
    at_production_cost,
    drive,
    driven,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan


@pytest.mark.parametrize("action", ["kill", "bug", "full"])
def test_a_failed_renewal_changes_no_verdict(desk: Desk, action: str) -> None:
    """Killed or failing; a later right answer renews the PIN."""
    at_production_cost(desk, "alice")
    before = desk.user("alice")
    ended = drive(desk, *verify_of("alice"), plan=Plan(at=(("hash#2", action),)), pin=RIGHT)
    assert ended.answer["outcome"] == "verified"
    assert killed(ended.code) if action == "kill" else ended.code == 0
    assert ended.err == ""
    assert desk.user("alice").question == before.question
    nothing_impossible(desk, [ended.answer])
    assert drive(desk, *verify_of("alice"), pin=RIGHT).code == 0
    assert desk.user("alice").question != before.question


def test_the_verdict_does_not_wait_for_it(desk: Desk) -> None:
    """It can be read while the renewal is paused."""
    at_production_cost(desk, "alice")
    with driven(desk, *verify_of("alice"), plan=Plan(at=(("hash#2", "pause"),)), pin=RIGHT) as run:
        run.await_pause()
        assert run.process.stdout is not None
        assert json.loads(run.process.stdout.readline())["outcome"] == "verified"
        run.go_on()
        assert run.end().code == 0
