"""Chunks are whole and bounded, shrink when slow, and pause for callers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from pincli.errors import Interrupted, StoreUnavailable
from pincli.models import Fault
from pincli.operations.chunks import (
    FIRST_CHUNK,
    FULL_CHUNK,
    LONGEST_CHUNK,
    PAUSE,
    SMALLEST_CHUNK,
    in_chunks,
)

TOTAL = 9_876


class Clock:
    """Time that only passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.slept.append)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that only tests move."""
    return Clock(monkeypatch)


def following(last: int | None, limit: int) -> Sequence[int]:
    """The numbers after one, up to TOTAL."""
    first = 1 if last is None else last + 1
    return range(first, min(TOTAL, first + limit - 1) + 1)


def test_every_item_is_in_one_chunk_in_order(clock: Clock) -> None:
    """None twice, none left out, and no chunk too large."""
    done = list(in_chunks(following, list, total=TOTAL))
    assert [item for chunk in done for item in chunk] == [*range(1, TOTAL + 1)]
    assert [len(chunk) for chunk in done[:3]] == [FIRST_CHUNK, 2 * FIRST_CHUNK, 4 * FIRST_CHUNK]
    assert {len(chunk) for chunk in done[3:-1]} == {FULL_CHUNK}


def test_a_pause_follows_each_chunk(clock: Clock) -> None:
    """Without it, other writers were measured to wait nine seconds."""
    steps = list(in_chunks(following, list, total=TOTAL))
    assert clock.slept == [PAUSE] * len(steps)
    assert PAUSE >= 0.001


def test_progress_is_called_after_each_chunk(clock: Clock) -> None:
    """With how many are done, and how many there are."""
    reported: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        reported.append((done, total))

    list(in_chunks(following, list, total=TOTAL, progress=tell))
    done = [250, 750, 1750, 3750, 5750, 7750, 9750, TOTAL]
    assert reported == [(each, TOTAL) for each in done]


def test_slow_chunks_shrink_and_quick_ones_grow_again(clock: Clock) -> None:
    """A caller on another line waits for two short ones at most, also at the beginning."""
    cost = [0.001]
    sizes = []

    def step(chunk: Sequence[int]) -> None:
        sizes.append(len(chunk))
        clock.now += len(chunk) * cost[0]
        if len(sizes) == 6:
            cost[0] = 0.00001

    list(in_chunks(following, step, total=TOTAL))
    assert sizes[0] == FIRST_CHUNK
    assert all(size * 0.001 <= LONGEST_CHUNK * 1.01 for size in sizes[1:6])
    assert sizes[7:9] == [2 * sizes[6], 4 * sizes[6]]
    assert max(sizes) == FULL_CHUNK


def test_there_is_a_smallest_chunk(clock: Clock) -> None:
    """However slow it is."""

    def step(chunk: Sequence[int]) -> int:
        clock.now += 60
        return len(chunk)

    sizes = list(in_chunks(following, step, total=TOTAL))
    assert set(sizes[1:-1]) == {SMALLEST_CHUNK}
    assert sum(sizes) == TOTAL


def test_an_interruption_says_how_far_it_got(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current chunk is finished and counted."""

    def interrupted(_: float) -> None:
        if len(clock.slept) == 2:
            raise KeyboardInterrupt
        clock.slept.append(0)

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(Interrupted) as caught:
        list(in_chunks(following, list, total=TOTAL))
    assert (caught.value.done, caught.value.total) == (1750, TOTAL)


def test_a_failing_step_ends_the_work(clock: Clock) -> None:
    """Earlier chunks stay done, and later ones are not tried."""
    seen = []

    def step(chunk: Sequence[int]) -> None:
        seen.append(chunk[0])
        if len(seen) == 3:
            raise StoreUnavailable(Fault.FULL, Path("pincli.db"))

    with pytest.raises(StoreUnavailable):
        list(in_chunks(following, step, total=TOTAL))
    assert seen == [1, 251, 751]
