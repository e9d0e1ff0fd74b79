"""Killed inside a sync, an unlink, or the write of the verdict."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pincli.models import EventKind, Outcome
from tests.support.desk import Desk, killed
from tests.support.driving import (
    RIGHT,
    WRONG,
    Log,
    asked,
    count,
    fresh,
    guess_wrong,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan
from tests.support.floor import copy_of
from tests.support.strace import Traced, require_strace, traced
from tests.support.turns import is_tried


@pytest.fixture(autouse=True)
def _strace() -> None:
    require_strace()


def _verified(desk: Desk, call: str, pin: str, fault: str = "") -> tuple[Traced, Log]:
    """Verify under strace; how it ended, and the points it reached."""
    log = Log(fresh(desk, "log"))
    driver = (sys.executable, "-m", "tests.support.drive_app", Plan(log=str(log.path)).dump())
    traced_run = traced(
        desk, *verify_of("alice"), calls=call, stdin=f"{pin}\n", inject=fault, program=driver
    )
    return traced_run, log


@pytest.mark.parametrize("call", ["fdatasync", "unlink"])
@pytest.mark.parametrize("pin", [RIGHT, WRONG])
def test_verify_killed_in_every_sync_and_unlink(
    desk: Desk, tmp_path: Path, call: str, pin: str
) -> None:
    """A commit is whole or undone, and the answer gets its own outcome."""
    desk.collected("alice")
    guess_wrong(desk, "alice", 5)
    whole, _ = _verified(copy_of(desk, tmp_path / "whole"), call, pin)
    calls = len(whole.calls)
    assert calls >= (10 if call == "fdatasync" else 2)
    for number in range(1, calls + 1):
        if not is_tried(number) and number < calls:
            continue
        copy = copy_of(desk, tmp_path / f"{number}")
        end, log = _verified(copy, call, pin, f"{call}:signal=KILL:when={number}")
        assert killed(end.ran.code)
        assert end.ran.out == ""
        nothing_impossible(copy)
        charged = copy.user("alice").attempts_total - 5
        assert log.count("charged") <= charged <= 1
        locked = bool(charged) and pin == WRONG
        assert asked(copy, "alice", RIGHT) is (Outcome.LOCKED if locked else Outcome.VERIFIED)
        nothing_impossible(copy)
        events = copy.events("alice")
        assert count(events, EventKind.LOCKED) == locked == copy.user("alice").locks_total


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
