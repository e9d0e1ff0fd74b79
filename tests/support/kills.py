"""A run killed before every step that lasts: each time on a copy of one store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.desk import Desk, Ran, killed
from tests.support.driving import Forks, Log, settle_down
from tests.support.failpoints import Plan
from tests.support.floor import copy_of
from tests.support.turns import kill_points

FEWEST = 5


@dataclass(frozen=True)
class Wreck:
    """Store and keys as one run left them that was killed, or went through at last.

    Attributes:
        folder: Where the run may have left files.
        point: The point before which it was killed; empty for none.
    """

    desk: Desk
    folder: Path
    point: str
    run: Ran
    log: Log


def wrecks(
    desk: Desk,
    forks: Forks,
    folder: Path,
    *arguments: str,
    stdin: str = "",
    plan: Plan | None = None,
    choose: Callable[[Sequence[str]], list[str]] = kill_points,
) -> Iterator[Wreck]:
    """Run on copies of one store, killed before each of today's points, then not.

    Args:
        desk: The store, left as it is.
        forks: Who runs pincli.
        folder: For the copies, each with a folder `out` beside it.
        arguments: Pincli's own; OUT in them stands for the copy's folder `out`.
        stdin: What it reads.
        plan: What else is done to the runs.
        choose: Which of the points.
    """

    def run(name: str, point: str) -> Wreck:
        here = folder / name
        (here / "out").mkdir(parents=True)
        copy, log = copy_of(desk, here), Log(here / "log")
        words = filled(arguments, here / "out")
        killing = replace(plan or Plan(), log=str(log.path), at=((point, "kill"),))
        ran = forks.run(copy, *words, stdin=stdin, plan=killing)
        return Wreck(copy, here / "out", point, ran, log)

    whole = run("whole", "")
    chosen = choose(whole.log.points())
    assert len(whole.log.points()) > FEWEST, "the failpoints were not reached"
    for number, point in enumerate(chosen):
        wreck = run(f"{number}", point)
        assert killed(wreck.run.code), (point, wreck.run)
        settle_down(wreck.desk)
        yield wreck
    yield whole


def filled(arguments: Sequence[str], folder: Path) -> list[str]:
    """The arguments with OUT replaced by a folder."""
    return [argument.replace("OUT", str(folder)) for argument in arguments]
