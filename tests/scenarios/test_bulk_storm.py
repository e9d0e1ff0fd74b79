"""Callers during a bulk reset: none is verified with a withdrawn PIN, all others go on."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from pincli.models import EventKind
from tests.support.bulk_work import SMALL_CHUNKS, app, crowd, sound, withdrawn
from tests.support.desk import Desk
from tests.support.driving import RIGHT, ROOT, Forks
from tests.support.trail import count

MANY = 1000
ATTACKED, ELSEWHERE = ("early", "late"), ("gus", "gwen")


@pytest.fixture(scope="module")
def crew() -> Iterator[Sequence[Forks]]:
    """Several sources of pincli processes."""
    with ExitStack() as stack:
        yield [stack.enter_context(Forks()) for _ in range(3)]


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
    with ThreadPoolExecutor(len(crew)) as pool:
        futures = [pool.submit(callers.call, forks) for forks in crew]
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


def test_an_import_lets_callers_in(desk: Desk, crew: Sequence[Forks], tmp_path: Path) -> None:
    """Callers are verified while thousands of people are added."""
    for user in ELSEWHERE:
        desk.collected(user, "globex")
    rows = "".join(f"u{n},acme,Name,cloud\n" for n in range(2_000))
    (tmp_path / "people.csv").write_text(f"user,account,name,type\n{rows}")
    codes = set()
    with desk.start("import", str(tmp_path / "people.csv")) as process:
        while process.poll() is None:
            codes.add(crew[0].verify(desk, "gus", RIGHT).code)
        process.communicate()
    assert (process.returncode, codes) == (0, {0})
    sound(desk)
