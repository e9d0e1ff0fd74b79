"""Weeks of a support floor with fifteen kinds of attack: alerts finds each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import pytest

from pincli.operations.alerts import find_alerts
from pincli.operations.session import Session
from tests.support.desk import Desk
from tests.support.expected_signs import Expected, Sign, alarms
from tests.support.simulated_calls import ATTACKS, DAY, HOUR, Floor, Happened, at, lay

BEGINS = 14 * DAY + 10 * HOUR
"""An attack begins after two weeks, on a Monday at ten."""
ALARMS_A_WEEK = 6
"""More than these honest weeks have by chance: 3.0 on average, where 113 were before."""

WHOLE = os.environ.get("PINCLI_TEST_ALL") == "1"


def floor_of(seed: int) -> Floor:
    """A floor of fifty agents, or by default a smaller one."""
    return Floor(seed) if WHOLE else Floor(seed, agents=10, calls=40, users=2000)


def seen(session: Session, moment: float, expected: Expected) -> set[Sign]:
    """Compare the alerts of a moment with the expected ones."""
    found = find_alerts(session, now=at(moment)).signs
    must = expected.at(moment)
    assert {(each.kind, each.sign, each.name) for each in found} == set(must)
    for each in found:
        number = must[each.kind, each.sign, each.name]
        assert number in (0, each.counted), each
        assert each.since <= each.latest
    return set(must)


def working_hours(first_day: int, days: int, *, apart: int = 3) -> Iterator[float]:
    """Moments while the floor works."""
    for day in range(first_day, first_day + days):
        if day % 7 < 5:
            yield from (day * DAY + hour * HOUR for hour in range(10, 19, apart))


@pytest.mark.engines
def test_honest_weeks_have_few_alarms(desk: Desk) -> None:
    """The signs are the expected ones, and few begin in a week."""
    weeks = 6 if WHOLE else 3
    happened = floor_of(1).weeks(weeks)
    lay(desk, happened)
    expected = Expected(happened)
    with desk.session() as session:
        moments = working_hours(14, 7 * (weeks - 2))
        found = [seen(session, moment, expected) for moment in moments]
    assert alarms(found, weeks - 2) <= ALARMS_A_WEEK


@pytest.mark.rotating
@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_found(desk: Desk, name: str) -> None:
    """Among honest calls, by a sign about its victim or its agent."""
    floor = floor_of(7)
    attack, kinds = ATTACKS[name]
    honest, events = floor.weeks(4), [*attack(floor, BEGINS)]
    happened = sorted([*honest, *events], key=lambda event: event.at)
    lay(desk, happened)
    expected, without = Expected(happened), Expected(honest)
    moments = [BEGINS + HOUR, *working_hours(14, 14)]
    with desk.session() as session:
        for moment in moments:
            new = seen(session, moment, expected) - set(without.at(moment))
            if any(kind in kinds and subject in _about(events) for kind, _, subject in new):
                return
    pytest.fail("nothing tells of it")


def _about(events: Iterable[Happened]) -> set[str]:
    """The users, accounts and agents of an attack."""
    names = {(f"user{e.user}", f"account{e.account}", e.agent) for e in events}
    return {"all", *(name for each in names for name in each)}
