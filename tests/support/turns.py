"""Which of many kill steps or cases are tried: every fourth, others each day; in CI all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Sequence
from datetime import date
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

EVERYTHING = os.environ.get("CI") == "true" or os.environ.get("PINCLI_TEST_ALL") == "1"
EVERY = 1 if EVERYTHING else 4
"""Every which one is tried."""
TODAY = date.today().toordinal()
FIRST = 1 + TODAY % EVERY
"""The first of today's."""

_LASTING = frozenset(
    (
        *("create", "mkdir", "fsync", "link", "rename", "replace", "unlink", "pins"),
        *("sql:COMMIT", "server:COMMIT", "mark", "answer", "wrote", "answered"),
    )
)
"""Points of failpoints.py before something that outlives the process: files, and output."""
_BESIDE = frozenset({"prepare", "prepared", "hash", "hashed"})
"""Points that threads reach, at any place among the others."""


def is_tried(number: int) -> bool:
    """Whether the case of this number, counted from 1, is tried today."""
    return (number - FIRST) % EVERY == 0


def todays(cases: Sequence[T]) -> Sequence[T]:
    """Today's cases of one test: every fourth, and at least one."""
    every = min(EVERY, len(cases))
    return cases[TODAY % every :: every]


def every_point(points: Sequence[str], *, every: int = EVERY) -> list[str]:
    """The points of a run before which it is killed: in CI each, else today's `kill_points`."""
    return [name for name, _ in _named(points)] if EVERYTHING else kill_points(points, every=every)


def kill_points(points: Sequence[str], *, every: int = EVERY) -> list[str]:
    """Today's points of a run before which a kill leaves what no other kill does; also its last.

    They are those just before and just after something that outlives the process. Between two
    of them there is only memory, locks that end with the process, and a journal that was never
    synced, as there is before a COMMIT. Of steps that are repeated, as for each chunk, the
    first and the last say what the others would.
    """
    first: dict[tuple[str, str], tuple[int, str]] = {}
    last = dict(first)
    reached = _named(points)
    for place, ((_, before), (name, point)) in enumerate(pairwise([("", ""), *reached])):
        if {before, point} & _LASTING:
            first.setdefault((before, point), (place, name))
            last[before, point] = (place, name)
    different = [name for _, name in sorted({*first.values(), *last.values()})]
    return _todays(different, reached[-1][0], every)


def every_lasting(
    points: Sequence[str], *, every: int = EVERY, also: Container[str] = ()
) -> list[str]:
    """Today's of all points before something that outlives the process; also the run's last.

    A file that is being written has no name yet, and SQLite rolls back what is not committed:
    a kill anywhere else leaves what a kill before the next of these leaves.

    Args:
        points: What a whole run has reached.
        every: One of so many is tried.
        also: More points than those.
    """
    reached = _named(points)
    lasting = [name for name, point in reached if point in _LASTING or point in also]
    return _todays(lasting, reached[-1][0], every)


def _named(points: Sequence[str]) -> list[tuple[str, str]]:
    """Each point with the name by which a plan knows it, but for those that threads reach."""
    seen: Counter[str] = Counter()
    named = []
    for point in points:
        seen[point] += 1
        times = seen[point]
        named.append((f"{point}#{times}" if times > 1 else point, point))
    return [each for each in named if each[1] not in _BESIDE]


def _todays(names: list[str], last: str, every: int) -> list[str]:
    chosen = [name for number, name in enumerate(names) if (number - TODAY) % every == 0]
    return chosen if last in chosen else [*chosen, last]
