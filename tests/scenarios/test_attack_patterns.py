"""Weeks of a support floor with fifteen kinds of attack: alerts finds each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from pincli.operations.alerts import find_alerts
from tests.support.desk import Desk, new_desk
from tests.support.simulated_calls import ATTACKS, DAY, HOUR, Floor, Happened, at, lay

BEGINS = 14 * DAY + 10 * HOUR
"""An attack begins after two weeks, on a Monday at ten."""
ALARMS_A_WEEK = 6
"""More than these honest weeks have by chance: 3.0 on average, where 113 were before."""

WHOLE = os.environ.get("PINCLI_TEST_ALL") == "1"

Sign = tuple[str, str, str]
"""Kind, sign and subject."""


def floor_of(seed: int) -> Floor:
    """A floor of fifty agents, or by default a smaller one."""
    return Floor(seed) if WHOLE else Floor(seed, agents=10, calls=40, users=2000)


def seen(desk: Desk, moments: Iterable[float]) -> Iterator[set[Sign]]:
    """The signs of each moment."""
    with desk.session() as session:
        for moment in moments:
            found = find_alerts(session, now=at(moment)).signs
            yield {(each.kind, each.sign, each.name) for each in found}


def working_hours(first_day: int, days: int, *, apart: int = 3) -> Iterator[float]:
    """Moments while the floor works."""
    for day in range(first_day, first_day + days):
        if day % 7 < 5:
            yield from (day * DAY + hour * HOUR for hour in range(10, 19, apart))


@pytest.mark.engines
def test_honest_weeks_have_few_alarms(desk: Desk) -> None:
    """Few signs begin in a week."""
    weeks = 6 if WHOLE else 3
    lay(desk, floor_of(1).weeks(weeks))
    found = [set[Sign](), *seen(desk, working_hours(14, 7 * (weeks - 2)))]
    begun = [signs - before for before, signs in pairwise(found)]
    assert sum(map(len, begun)) <= ALARMS_A_WEEK * (weeks - 2)


MOMENTS = (BEGINS + HOUR, *working_hours(14, 14))


@pytest.fixture(scope="module")
def by_chance(tmp_path_factory: pytest.TempPathFactory) -> list[set[Sign]]:
    """The signs of each moment without an attack."""
    desk = new_desk(tmp_path_factory.mktemp("honest"))
    lay(desk, floor_of(7).weeks(4))
    return [*seen(desk, MOMENTS)]


@pytest.mark.rotating
@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_found(desk: Desk, by_chance: list[set[Sign]], name: str) -> None:
    """Among honest calls, by a sign about its victim or its agent."""
    floor = floor_of(7)
    attack, kinds = ATTACKS[name]
    honest, events = floor.weeks(4), [*attack(floor, BEGINS)]
    lay(desk, sorted([*honest, *events], key=lambda event: event.at))
    subjects = _about(events)
    for signs, others in zip(seen(desk, MOMENTS), by_chance, strict=True):
        if any(kind in kinds and subject in subjects for kind, _, subject in signs - others):
            return
    pytest.fail("nothing tells of it")


def _about(events: Iterable[Happened]) -> set[str]:
    """The users, accounts and agents of an attack."""
    names = {(f"user{e.user}", f"account{e.account}", e.agent) for e in events}
    return {"all", *(name for each in names for name in each)}
