"""Killed inside a sync, an unlink, or the write of the verdict."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count as numbers
from pathlib import Path

import pytest

from pincli.models import EventKind, Outcome
from tests.support.desk import Desk, Ran, killed
from tests.support.driving import (
    RIGHT,
    WRONG,
    Log,
    asked,
    copied,
    fresh,
    guess_wrong,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.strace import require_strace, traced
from tests.support.trail import count


@pytest.fixture(autouse=True)
def _strace() -> None:
    require_strace()


def _killed_in(desk: Desk, folder: Path, call: str, pin: str) -> Iterator[tuple[Desk, Ran, Log]]:
    """Verify on copies of one store, killed in each call of that name, then not."""
    for number in numbers(1):
        copy = copied(desk, folder / f"{number}")
        log = Log(fresh(desk, "log"))
        driver = (sys.executable, "-m", "tests.support.drive_app", Plan(log=str(log.path)).dump())
        fault = f"{call}:signal=KILL:when={number}"
        end = traced(
            copy, *verify_of("alice"), calls=call, stdin=f"{pin}\n", inject=fault, program=driver
        )
        yield copy, end.ran, log
        if not killed(end.ran.code):
            return


@pytest.mark.parametrize(("call", "at_least"), [("fdatasync", 8), ("unlink", 2)])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_verify_killed_in_every_sync_and_unlink(
    desk: Desk, tmp_path: Path, call: str, at_least: int, pin: str
) -> None:
    """A commit is whole or undone, and the answer gets its own outcome."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 5)
    runs = 0
    for copy, end, log in _killed_in(desk, tmp_path / "n", call, pin):
        runs += 1
        nothing_impossible(copy)
        charged = copy.user("alice").attempts_total - 5
        assert log.count("charged") <= charged <= 1
        if killed(end.code):
            assert end.out == ""
        locked = bool(charged) and pin == WRONG
        assert asked(copy, "alice", RIGHT) is (Outcome.LOCKED if locked else Outcome.VERIFIED)
        nothing_impossible(copy)
        events = copy.events("alice")
        assert count(events, EventKind.LOCKED) == locked == copy.user("alice").locks_total
    assert runs > at_least


def test_killed_while_writing_the_verdict(desk: Desk) -> None:
    """Everything is on disk before its first byte."""
    desk.collected("alice")
    end = traced(
        desk,
        *verify_of("alice"),
        calls="write",
        stdin=f"{RIGHT}\n",
        inject="write:signal=KILL:when=1",
    )
    assert killed(end.ran.code)
    events = desk.events("alice")
    assert count(events, EventKind.VERIFIED) == 1
    assert desk.user("alice").attempt is None
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
