"""Many callers at once over one server, directly and through a pooler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pincli.models import EventKind
from pincli.operations.locks import unlock
from tests.support.driving import RIGHT, Forks, count, nothing_impossible
from tests.support.pooler import pooled
from tests.support.served import ServedDesk
from tests.support.tampering import clean
from tests.support.turns import EVERYTHING

ROUNDS = 20 if EVERYTHING else 2
FEWER_ROUNDS = 4 if EVERYTHING else 1
"""Of right answers, whose rounds are all alike: nothing is locked between them."""


@pytest.fixture(params=["directly", "through a pooler"])
def floor(request: pytest.FixtureRequest, desk: ServedDesk) -> Iterator[ServedDesk]:
    """Reach the store directly, or through a pooler in transaction mode."""
    if request.param == "directly":
        yield desk
        return
    with pooled(desk.database_there) as pooler:
        yield replace(desk, database_there=pooler)


def _wrong(number: int) -> list[str]:
    """Return wrong answers for alice."""
    return [f"{700_000 + 1117 * each}" for each in range(number)]


def test_32_wrong_answers_at_once_are_six_charges(floor: ServedDesk, forks: Forks) -> None:
    """In every round exactly six of them are charged, and the user is locked."""
    answers = []
    for number in range(1, ROUNDS + 1):
        ends = forks.answers(floor, "alice", *_wrong(32))
        assert Counter(end.code for end in ends) == {3: 6, 4: 26}, ends
        alice = floor.user("alice")
        assert (alice.attempts_total, alice.failed_attempts) == (6 * number, 6)
        assert alice.locked_since is not None
        with floor.session() as session:
            unlock(session, "alice", "the next round")
        answers += [end.answer for end in ends]
    nothing_impossible(floor, answers)
    clean(floor)


def test_20_right_answers_at_once_are_all_verified(floor: ServedDesk, forks: Forks) -> None:
    """More than six right answers in flight lock nobody."""
    rounds = range(FEWER_ROUNDS)
    ends = [end for _ in rounds for end in forks.answers(floor, "alice", *[RIGHT] * 20)]
    assert Counter(end.code for end in ends) == {0: len(ends)}, ends
    events = floor.events("alice")
    assert count(events, EventKind.VERIFIED) == count(events, EventKind.ATTEMPT) == len(ends)
    nothing_impossible(floor, [end.answer for end in ends])
    clean(floor)


def test_right_and_wrong_answers_at_once(floor: ServedDesk, forks: Forks) -> None:
    """Five wrong answers among right ones don't lock, and each caller gets their own outcome."""
    wrong = _wrong(5)
    pins = [pin for each in wrong for pin in (RIGHT, each, RIGHT)]
    ends = []
    for _ in range(FEWER_ROUNDS):
        now = forks.answers(floor, "alice", *pins)
        assert [end.code for end in now] == [3 if pin in wrong else 0 for pin in pins], now
        assert forks.verify(floor, "alice", RIGHT).code == 0
        ends += now
    nothing_impossible(floor, [end.answer for end in ends])
    clean(floor)
