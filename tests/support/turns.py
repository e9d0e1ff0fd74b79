"""Which of many kill steps or cases are tried: every fourth, others each day; in CI all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
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
    {"sql:COMMIT", "mark", "pins", "fsync", "link", "rename", "unlink", "answer", "wrote"}
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


def every_point(points: Sequence[str]) -> list[str]:
    """The points of a run before which it is killed: in CI each, else today's `kill_points`."""
    if not EVERYTHING:
        return kill_points(points)
    seen: Counter[str] = Counter()
    names = []
    for point in points:
        if point not in _BESIDE:
            seen[point] += 1
            names.append(f"{point}#{seen[point]}" if seen[point] > 1 else point)
    return names


def kill_points(points: Sequence[str]) -> list[str]:
    """Today's points of a run before which a kill leaves what no other kill does; also its last.

    They are those just before and just after something that outlives the process. Between two
    of them there is only memory, locks that end with the process, and a journal that was never
    synced, as there is before a COMMIT. Of steps that are repeated, as for each chunk, the
    first and the last say what the others would.
    """
    seen: Counter[str] = Counter()
    first: dict[tuple[str, str], tuple[int, str]] = {}
    last = dict(first)
    reached = [point for point in points if point not in _BESIDE]
    for place, (before, point) in enumerate(pairwise(["", *reached])):
        seen[point] += 1
        name = f"{point}#{seen[point]}" if seen[point] > 1 else point
        if {before, point} & _LASTING:
            first.setdefault((before, point), (place, name))
            last[before, point] = (place, name)
    different = sorted({*first.values(), *last.values()} - {(place, name)})
    return [*(point for turn, (_, point) in enumerate(different, 1) if is_tried(turn)), name]
