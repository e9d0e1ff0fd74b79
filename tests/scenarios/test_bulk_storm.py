"""Callers during a bulk reset: none is verified with a withdrawn PIN, all others go on."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from pincli.models import EventKind
from tests.support.bulk_work import SMALL_CHUNKS, app, crowd, sound, withdrawn
from tests.support.desk import Desk
from tests.support.driving import RIGHT, ROOT, Forks, count

MANY = 1000
ATTACKED, ELSEWHERE = ("early", "late"), ("gus", "gwen")


@pytest.fixture
def attacked(desk: Desk) -> Desk:
    """One who is going to be in the first chunk of a large account; and others elsewhere."""
    desk.collected("early")
    for user in ELSEWHERE:
        desk.collected(user, "globex")
    return desk


class Callers:
    """Calls without end.

    Attributes:
        answers: How many exit codes of each kind there were, by user.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.over = threading.Event()
        self.answers: Counter[tuple[str, int]] = Counter()

    def call(self, forks: Forks) -> None:
        """Everybody in turn, with their right PIN, until it is over."""
        while not self.over.is_set():
            for user in ATTACKED + ELSEWHERE:
                gone = user in ATTACKED and self._desk.user(user).question is None
                end = forks.verify(self._desk, user, RIGHT)
                assert not (gone and end.code == 0), end
                self.answers[user, end.code] += 1


@pytest.mark.parametrize("options", [(), ("--issue",)], ids=["withdraw", "issue"])
def test_a_storm_of_callers_during_a_reset(
    attacked: Desk, crew: Sequence[Forks], options: tuple[str, ...]
) -> None:
    """A caller after a chunk's commit is not verified by a PIN that it withdrew."""
    callers = Callers(attacked)
    number = 200 if options else MANY
    crowd(attacked, number)
    attacked.collected("late")
    command = (*app(sizes=SMALL_CHUNKS, slow=0.03), "reset", "--account", "acme", "--yes", *options)
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(callers.call, forks) for forks in crew[:3]]
        try:
            with subprocess.Popen(command, env=attacked.environment(), cwd=ROOT) as process:
                assert process.wait(60) == 0
        finally:
            callers.over.set()
        for future in futures:
            future.result()
    _check(attacked, callers, number, issued=bool(options))


def _check(desk: Desk, callers: Callers, number: int, *, issued: bool) -> None:
    """Nobody was turned away elsewhere, and the trail allows all of it."""
    for user in ELSEWHERE:
        assert {code for (name, code) in callers.answers if name == user} == {0}
    assert {code for (name, code) in callers.answers if name in ATTACKED} <= {0, 3, 4, 5}
    sound(desk)
    events = desk.events()
    kind = EventKind.PIN_GENERATED if issued else EventKind.PIN_WITHDRAWN
    assert count(events, kind) == number + len(ATTACKED)
    assert withdrawn(desk) == (0 if issued else number + len(ATTACKED))
    assert all(desk.user(user).question is not None for user in ELSEWHERE)
    assert desk.run("verify", "early", "--pin-stdin", stdin=f"{RIGHT}\n").code in (3, 4, 5)
