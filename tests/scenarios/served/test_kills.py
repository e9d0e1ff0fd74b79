"""Clients of a server are killed at any moment; what they have sent happens at most once."""

from __future__ import annotations

import random
import time

import pytest

from pincli.operations.locks import unlock
from tests.support.desk import Ran, killed
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    Forks,
    Run,
    guess_wrong,
    nothing_impossible,
    settle_down,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.served import ServedDesk
from tests.support.tampering import clean
from tests.support.turns import EVERYTHING, is_tried

KILLS = 500 if EVERYTHING else 30
AT_ONCE = 10
MOST_ROUNDS = 600
_STEPS = (
    *("hash", "server:BEGIN", "charge", "server:COMMIT", "charged", "settle", "server:COMMIT#2"),
    *("mark", "settled", "answer", "wrote"),
)
_KILLED_AT = ("charged", "settle", "server:COMMIT#2", "settled")
"""Steps after the charge, which random moments seldom hit."""


def test_clients_killed_at_random_moments(desk: ServedDesk, forks: Forks) -> None:
    """Of ten guesses at once most are killed: there is never a seventh charge."""
    dice = random.Random(6)
    began = time.monotonic()
    forks.answers(desk, "bob", *[OTHER] * AT_ONCE)
    latest = time.monotonic() - began
    ends: list[Ran] = []
    locks = kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        assert rounds < MOST_ROUNDS, "the kills come too late"
        now = forks.at_once(desk.front, *(_guess(dice, latest) for _ in range(AT_ONCE)))
        died = sum(killed(end.code) for end in now)
        latest *= 1.2 if died > 0.8 * AT_ONCE else 0.8 if died < 0.6 * AT_ONCE else 1
        kills, ends = kills + died, ends + now
        settle_down(desk)
        if desk.user("alice").failed_attempts == 6:
            with desk.session() as session:
                unlock(session, "alice", "the next round")
            locks += 1
    alice = desk.user("alice")
    assert (alice.locks_total, alice.attempts_total - 6 * locks) == (locks, alice.failed_attempts)
    assert locks > 0
    answers = [end.answer for end in ends if end.out]
    assert alice.attempts_total > sum(answer["outcome"] == "incorrect" for answer in answers)
    nothing_impossible(desk, answers)
    assert forks.verify(desk, "alice", RIGHT).code == 0
    assert forks.verify(desk, "bob", OTHER).code == 0
    clean(desk)


def _guess(dice: random.Random, latest: float) -> Run:
    """Return a wrong answer that is killed after its charge, or at a random moment."""
    arguments, stdin = verify_of("alice"), f"{WRONG}\n"
    if dice.random() < 1 / 4:
        return Run(arguments, stdin, Plan(at=((dice.choice(_KILLED_AT), "kill"),)))
    return Run(arguments, stdin, kill_after=dice.uniform(0, latest))


@pytest.mark.parametrize("used", [0, 5])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_a_client_killed_at_every_step(desk: ServedDesk, forks: Forks, pin: str, used: int) -> None:
    """After a kill before any message to the server, and at the end, the next caller is served.

    They get the outcome due after a whole attempt. Kills between two messages are alike.
    """
    locks = 0
    for number, point in enumerate(_STEPS, 1):
        if not is_tried(number):
            continue
        guess_wrong(desk, "alice", used)
        before = desk.user("alice").attempts_total
        end = forks.verify(desk, "alice", pin, Plan(at=((point, "kill"),)))
        assert killed(end.code), point
        settle_down(desk)
        charged = desk.user("alice").attempts_total - before
        assert charged in (0, 1), point
        assert charged or not end.out, point
        locks_now = pin == WRONG and used + charged == 6
        assert forks.verify(desk, "alice", RIGHT).code == (4 if locks_now else 0), point
        if locks_now:
            locks += 1
            with desk.session() as session:
                unlock(session, "alice", "the next step")
    assert desk.user("alice").locks_total == locks
    assert (locks > 0) == (pin == WRONG and used == 5)
    nothing_impossible(desk)
    clean(desk)
