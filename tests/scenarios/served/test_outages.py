"""A server that ends connections, or crashes and comes back, during calls."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.desk import Ran
from tests.support.driving import OTHER, RIGHT, WRONG, Forks, nothing_impossible, wait_until
from tests.support.served import ServedDesk
from tests.support.tampering import clean
from tests.support.turns import EVERYTHING

OUTAGES = 20 if EVERYTHING else 3
AT_ONCE = 8
VERDICTS = {0, 3, 4}
UNAVAILABLE = 8
FEWEST_ENDED = 10
_TERMINATED = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND usename IN ('desk1', 'admin1') "
    "AND state <> 'idle' AND random() < 0.5"
)


@dataclass
class Callers:
    """Repeats right and wrong answers about alice, and unlocks.

    Attributes:
        ends: The results of all calls of verify.
        over: Set to stop.
    """

    desk: ServedDesk
    forks: Forks
    ends: list[Ran] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def call(self) -> None:
        """Call until `over` is set."""
        try:
            self._call()
        finally:
            self.over.set()

    def _call(self) -> None:
        dice = random.Random(9)
        while not self.over.is_set():
            pins = [dice.choice((RIGHT, WRONG, WRONG)) for _ in range(AT_ONCE)]
            ends = self.forks.answers(self.desk, "alice", *pins)
            for pin, end in zip(pins, ends, strict=True):
                assert end.code in VERDICTS | {UNAVAILABLE}, end
                assert pin == RIGHT or end.code != 0, end
            self.ends += ends
            if any(end.code == 4 for end in ends):
                ran = self.forks.run(self.desk, "unlock", "alice", "--reason", "T-1", "--json")
                assert ran.code in (0, 7, UNAVAILABLE), ran

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds, or the calls have failed."""
        wait_until(lambda: self.over.is_set() or condition(), what)

    def codes(self) -> Counter[int]:
        """Count the exit codes so far."""
        return Counter(end.code for end in self.ends)


@contextmanager
def _calling(desk: ServedDesk, forks: Forks) -> Iterator[Callers]:
    callers = Callers(desk, forks)
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(callers.call)
        try:
            yield callers
        finally:
            callers.over.set()
        calling.result()


def _hold(desk: ServedDesk, callers: Callers) -> None:
    """Require every verdict to be on disk, and further calls to work."""
    answers = [end.answer for end in callers.ends]
    for end in callers.ends:
        if end.code == UNAVAILABLE:
            assert end.answer["error"]["message"].startswith("not verified"), end
    nothing_impossible(desk, answers)
    desk.run("unlock", "alice", "--reason", "T-1", "--json")
    assert callers.forks.verify(desk, "alice", RIGHT).code == 0
    assert callers.forks.verify(desk, "bob", OTHER).code == 0
    clean(desk)


def test_backends_are_terminated_during_calls(desk: ServedDesk, forks: Forks) -> None:
    """Each call is retried with its nonce, or ends with exit 8; no charge is lost or doubled."""
    with _calling(desk, forks) as callers:
        for _ in range(OUTAGES):
            left = FEWEST_ENDED

            def is_enough() -> bool:
                nonlocal left
                left -= int(desk.sql(_TERMINATED)[0][0])
                time.sleep(0.02)
                return left <= 0

            callers.wait_for(is_enough, "backends to end")
        callers.wait_for(lambda: all(callers.codes()[code] for code in (0, 3)), "verdicts")
    _hold(desk, callers)


def test_a_server_crashes_during_calls(own_desk: ServedDesk, forks: Forks) -> None:
    """No crash undoes a verdict, even on a server that commits late by default."""
    server = own_desk.database_there.server
    with _calling(own_desk, forks) as callers:
        for _ in range(OUTAGES):
            before = callers.codes()[3]
            callers.wait_for(lambda: callers.codes()[3] > before, "an answer")  # noqa: B023
            server.restart("immediate")
    _hold(own_desk, callers)
    assert callers.codes()[0] > 0
