"""Everything at once on the same users; then the trail is replayed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from pincli.models import EventKind, Outcome
from pincli.operations import pins
from tests.support.desk import Desk, Ran, killed
from tests.support.driving import (
    OTHER,
    RIGHT,
    WRONG,
    Forks,
    Log,
    count,
    fresh,
    nothing_impossible,
    verify_of,
    withdraw,
)
from tests.support.failpoints import Plan
from tests.support.turns import EVERYTHING

pytestmark = pytest.mark.engines

ROUNDS = 12 if EVERYTHING else 4
ROUNDS_OF_KILLS, FEWEST_LOCKS = (40, 3) if EVERYTHING else (8, 1)
MOST_ROUNDS = 600
CALLS_BETWEEN = 8
"""Answers between two resets of everybody, so that a new PIN is found and used on any machine."""
_KILLED_AT = ("charged", "settle", "{}:COMMIT#2", "settled")
"""Where some guesses are killed: random moments seldom meet the short time after the charge."""
VERDICTS = frozenset({0, 3, 4, 5})
OUTCOMES = frozenset({0, 3, 4, 5, 7})


@dataclass
class Storm:
    """What a storm's callers share.

    Attributes:
        pin: Alice's PIN, as far as anybody knows.
        withdrawn: Her PINs that are certainly withdrawn.
        codes: The exit codes of verify.
        answers: The answers of verify.
        over: Set at the end.
    """

    desk: Desk
    log: Log
    pin: str = RIGHT
    withdrawn: set[str] = field(default_factory=set)
    codes: Counter[int] = field(default_factory=Counter)
    answers: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def verify(self, forks: Forks, pin: str) -> None:
        """Make one call; after a withdrawal its PIN must not verify."""
        ended = pin in self.withdrawn
        end = forks.verify(self.desk, "alice", pin, Plan(log=str(self.log.path)))
        assert end.code in VERDICTS, end
        assert not (ended and end.code == 0), end
        self.codes[end.code] += 1
        self.answers.append(end.answer)

    def rage(self, *tasks: Callable[[], None], meanwhile: Callable[[], None]) -> None:
        """Repeat the tasks, each in a thread that starts processes, while this thread acts."""
        with ThreadPoolExecutor(len(tasks)) as pool:
            futures = [pool.submit(self._repeat, task) for task in tasks]
            try:
                meanwhile()
            finally:
                self.over.set()
            for future in futures:
                future.result()

    def check(self) -> None:
        """Fail unless trail, verdicts and charges agree."""
        nothing_impossible(self.desk, self.answers)
        events = self.desk.events()
        kinds = Counter(event.kind for event in events)
        words = Counter(event.outcome for event in events if event.attempt is not None)
        assert kinds[EventKind.VERIFIED] == self.codes[0] + kinds[EventKind.NOT_TOLD]
        assert self.codes[0] > 0
        assert words[Outcome.INCORRECT] == self.codes[3] > 0
        if not self.desk.is_served:  # a server is sent charges that it refuses
            assert kinds[EventKind.ATTEMPT] == self.log.count("charged")

    def _repeat(self, task: Callable[[], None]) -> None:
        while not self.over.is_set():
            task()


@pytest.fixture
def storm(desk: Desk) -> Storm:
    """A storm around alice, with bob."""
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    return Storm(desk, Log(fresh(desk, "log")))


def test_right_callers_through_a_storm_of_withdrawals(storm: Storm, crew: Sequence[Forks]) -> None:
    """A withdrawn PIN never verifies, and no right caller is locked."""

    def call(forks: Forks) -> None:
        storm.verify(forks, storm.pin)

    def withdraw_and_collect() -> None:
        for _ in range(ROUNDS):
            withdraw(storm.desk, "alice", "bob")
            storm.withdrawn.add(storm.pin)
            with storm.desk.session() as session:
                storm.pin = pins.show(session, "alice").pin
            before = storm.codes[0]
            while storm.codes[0] == before and not storm.over.wait(0.01):
                pass

    storm.rage(*(partial(call, forks) for forks in crew), meanwhile=withdraw_and_collect)
    storm.check()
    assert count(storm.desk.events(), EventKind.LOCKED) == 0
    assert storm.desk.user("alice").failed_attempts < 6


def test_everything_at_once(storm: Storm, crew: Sequence[Forks]) -> None:
    """Answers, unlocks, changes, looks, resets and (de)activations race."""
    dice = random.Random(20241124)
    right, wrong, customer, admin = crew

    def bulk() -> None:
        rounds = 0
        while rounds < ROUNDS or not (storm.codes[0] and storm.codes[3]):
            rounds += 1
            assert rounds < MOST_ROUNDS, "nobody is verified, or nobody is not"
            seen = len(storm.answers)
            while len(storm.answers) < seen + CALLS_BETWEEN and not storm.over.wait(0.01):
                pass
            withdraw(storm.desk, "alice", "bob", unlock=dice.random() < 0.3)

    storm.rage(
        lambda: storm.verify(right, storm.pin),
        lambda: storm.verify(wrong, WRONG),
        partial(_customer, storm, customer, dice),
        partial(_admin, storm, admin, dice),
        meanwhile=bulk,
    )
    storm.check()


def _customer(storm: Storm, forks: Forks, dice: random.Random) -> None:
    """Do one of the customer's own actions."""
    match dice.choice(("show", "show", "change", "unlock")):
        case "show":
            end = forks.run(storm.desk, "pin", "show", "alice", "--json")
            if end.code == 0:
                storm.pin = end.answer["pin"]
        case "change":
            pin = dice.choice(("121212", "456333", "987321", "789012"))
            end = forks.run(
                storm.desk, "pin", "change", "alice", "--pin-stdin", "--json", stdin=f"{pin}\n"
            )
            if end.code == 0:
                storm.pin = pin
        case _:
            end = forks.run(storm.desk, "unlock", "alice", "--reason", "mine", "--json")
    assert end.code in OUTCOMES, end


def _admin(storm: Storm, forks: Forks, dice: random.Random) -> None:
    """Do one of the admin's actions."""
    actions = (
        ("unlock", "alice", "--reason", "T-1"),
        ("reset", "alice", "--yes"),
        ("reset", "alice", "--yes", "--unlock", "--reason", "T-1"),
        ("reset", "alice", "--yes", "--issue"),
        ("user", "deactivate", "alice"),
        ("user", "activate", "alice"),
        ("user", "activate", "alice"),
        ("status", "alice"),
    )
    end = forks.run(storm.desk, *dice.choice(actions), "--json")
    assert end.code in OUTCOMES, end


def test_a_wall_of_kills_never_buys_a_seventh_charge(storm: Storm, crew: Sequence[Forks]) -> None:
    """Guessers are killed at random moments, four at a time, until some locks fell."""
    desk = storm.desk
    wall = Wall(desk, crew, random.Random(6))
    rounds = locks = ended_by_others = 0
    while rounds < ROUNDS_OF_KILLS or locks < FEWEST_LOCKS or not ended_by_others:
        rounds += 1
        assert rounds < MOST_ROUNDS, "the kills come too early or too late"
        before = desk.user("alice").attempt
        if wall.guess_until_locked():
            end = crew[0].run(desk, "unlock", "alice", "--reason", "the next round", "--json")
            assert end.code == 0, end
            locks += 1
        ended_by_others += before is not None and desk.user("alice").attempt != before
    nothing_impossible(desk)
    user = desk.user("alice")
    assert user.attempts_total == 6 * locks + user.failed_attempts
    assert user.locks_total == locks
    assert wall.kills > 0


class Wall:
    """Wrong answers, most of them killed between start and end.

    Attributes:
        kills: How many were killed before they had ended.
    """

    def __init__(self, desk: Desk, crew: Sequence[Forks], dice: random.Random) -> None:
        self.kills = 0
        self._desk, self._crew, self._dice = desk, crew, dice
        for _ in range(2):  # the first one also starts the sources of processes
            began = time.monotonic()
            self._together(lambda forks: forks.verify(desk, "bob", OTHER))
            self._whole_run = time.monotonic() - began

    def guess_until_locked(self) -> bool:
        """Let each of the crew guess; return whether the user is locked."""
        ends = self._together(self._guess)
        self.kills += sum(killed(end.code) for end in ends)
        return self._desk.user("alice").failed_attempts == 6

    def _guess(self, forks: Forks) -> Ran:
        if self._dice.random() < 1 / 4:
            point = self._dice.choice(_KILLED_AT).format(
                "server" if self._desk.is_served else "sql"
            )
            plan = Plan(at=((point, "kill"),))
            return forks.verify(self._desk, "alice", WRONG, plan)
        return forks.run(
            self._desk.front,
            *verify_of("alice"),
            stdin=f"{WRONG}\n",
            kill_after=self._dice.uniform(0, self._whole_run),
        )

    def _together(self, task: Callable[[Forks], Ran]) -> list[Ran]:
        with ThreadPoolExecutor(len(self._crew)) as pool:
            return list(pool.map(task, self._crew))
