"""Pincli in forked processes that die before a given step: whatever changes what is on disk.

Steps are: to make, sync, name, rename or remove a file or folder, a COMMIT, the mark, and the end.
A kill anywhere else leaves what a kill before the next step leaves: a file that is being written
has no name yet, and SQLite rolls back what is not committed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from pincli import files
from pincli.store.sqlite import copies
from pincli.store.sqlite.restore import replacement
from tests.support import drive_forks, failpoints, turns
from tests.support.desk import Desk, Ran, killed
from tests.support.driving import Forks
from tests.support.failpoints import Plan
from tests.support.floor import copy_of

FEWEST_STEPS = 6
_FILE_OPERATIONS = ("fsync", "link", "replace", "rename", "unlink", "mkdir")
_POINTS = ("sql:COMMIT", "mark", "answered")


class UpkeepForks(Forks):
    """Runs pincli one forked process at a time; `Plan.kill_at` counts steps of upkeep."""

    def __init__(self) -> None:
        super().__init__("tests.support.drive_upkeep")


@dataclass(frozen=True)
class Wreck:
    """Store and keys as one run left them, that was killed before a step or went through.

    Attributes:
        number: The step before which it was killed.
    """

    desk: Desk
    number: int
    run: Ran

    @property
    def whole(self) -> bool:
        """Whether the run was not killed any more."""
        return not killed(self.run.code)


def wrecks(
    desk: Desk, forks: Forks, folder: Path, *arguments: str, every: int = turns.EVERY
) -> Iterator[Wreck]:
    """The same run on copies of store and keys, killed before each of today's steps, then not.

    Args:
        desk: The store, left as it is.
        forks: Who runs it.
        folder: For the copies.
        arguments: Pincli's own.
        every: One of so many steps is tried; by default all in CI, and others each day elsewhere.
    """
    for number in count(1 + turns.FIRST % every, every):
        copy = copy_of(desk, folder / str(number))
        run = forks.run(copy, *arguments, plan=Plan(kill_at=number))
        yield Wreck(copy, number, run)
        if not killed(run.code):
            assert number > FEWEST_STEPS, "the steps were not counted"
            return


class _Steps:
    """Counts the steps of this process, and ends it before one of them."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at = kill_at
        self._taken = 0

    def take(self) -> None:
        self._taken += 1
        if self._taken == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.take()
            return operation(*arguments, **options)

        return counted


def _install(plan: Plan) -> None:
    steps = _Steps(plan.kill_at)
    _replace(failpoints.Points, "reach", _counted(failpoints.Points.reach, steps))
    failpoints.install(replace(plan, kill_at=0))
    for name in _FILE_OPERATIONS:
        _replace(os, name, steps.before(getattr(os, name)))
    _replace(os, "open", _counted_if_it_makes_a_file(os.open, steps))
    for module in (copies, replacement):
        _replace(module, "give_name", steps.before(files.give_name))


def _counted(reach: Callable[..., None], steps: _Steps) -> Callable[..., None]:
    def reaching(points: failpoints.Points, point: str, *details: object) -> None:
        if point in _POINTS:
            steps.take()
        reach(points, point, *details)

    return reaching


def _counted_if_it_makes_a_file(opens: Callable[..., int], steps: _Steps) -> Callable[..., int]:
    def opening(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            steps.take()
        return opens(path, flags, *rest, **options)

    return opening


def _replace(owner: object, name: str, by: object) -> None:
    setattr(owner, name, by)


if __name__ == "__main__":
    _replace(drive_forks, "install", _install)
    drive_forks.serve()
