"""A host short of memory, by real limits: nothing is charged, and no reset is suggested."""

from __future__ import annotations

import subprocess

import pytest

from pincli.models import Outcome
from tests.support.desk import PROGRAM, Desk, Ran
from tests.support.driving import (
    RIGHT,
    asked,
    at_production_cost,
    drive,
    nothing_impossible,
    verify_of,
)
from tests.support.failpoints import Plan

NEVER_ENOUGH = 16_000
"""KiB of address space in which no Python starts."""
ALWAYS_ENOUGH = 250_000
MOST_TRIED = 120_000
"""Enough, unless a second thread has reserved 64 MiB for itself."""
STEP = 4_000


def _limited(desk: Desk, kib: int, *options: str) -> Ran:
    """Give a right answer in a process with limited memory."""
    line = f'ulimit -v {kib} && exec "$@"'
    ended = subprocess.run(
        ["bash", "-c", line, "bash", *PROGRAM, "verify", "alice", "--pin-stdin", *options],
        input=f"{RIGHT}\n",
        capture_output=True,
        text=True,
        timeout=60,
        env=desk.environment(),
        check=False,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize(
    ("options", "step"), [(("--json",), STEP), ((), 3 * STEP)], ids=["json", "people"]
)
def test_too_little_memory_charges_nothing(desk: Desk, options: tuple[str, ...], step: int) -> None:
    """With any limit: verified, or exit 8 and nothing charged."""
    at_production_cost(desk, "alice")
    codes = []
    for kib in (ALWAYS_ENOUGH, *range(MOST_TRIED, NEVER_ENOUGH, -step)):
        ran = _limited(desk, kib, *options)
        codes.append(ran.code)
        output = ran.out + ran.err
        assert "reset" not in output, (kib, ran)
        assert "damaged" not in output, (kib, ran)
        if "pincli" in output and "Traceback" not in output:
            assert ran.code in (0, 8), (kib, ran)
        assert (ran.code == 0) == ("VERIFIED" in output or '"verified"' in output), (kib, ran)
        user = desk.user("alice")
        assert (user.failed_attempts, user.attempt) == (0, None), (kib, ran)
        assert user.attempts_total == codes.count(0), (kib, ran)
    assert codes[0] == 0
    assert 8 in codes
    nothing_impossible(desk)


def test_six_right_answers_without_memory_lock_nobody(desk: Desk) -> None:
    """With memory the same answer is verified."""
    at_production_cost(desk, "alice")
    for _ in range(7):
        ran = _limited(desk, 45_000, "--json")
        assert ran.code == 8, ran
        assert ran.answer["error"]["code"] == "unavailable"
        assert "memory" in ran.answer["error"]["message"]
    assert desk.user("alice").attempts_total == 0
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    nothing_impossible(desk)


UNCHARGED = ("read", "hash", "hashed", "charge", "locked:writer", "sql:BEGIN", "sql:UPDATE")
"""Points before the charge is on disk, all that can fail for lack of memory among them."""
POINTS = (
    *UNCHARGED,
    "sql:INSERT",
    "sql:COMMIT",
    "mark",
    "charged",
    "sql:BEGIN#2",
    "sql:UPDATE#2",
    "sql:COMMIT#2",
    "settled",
)


@pytest.mark.rotating
@pytest.mark.parametrize("point", POINTS)
def test_memory_that_ends_at_any_step(desk: Desk, point: str) -> None:
    """Verified, or exit 8; a right answer soon costs nothing."""
    desk.collected("alice")
    ran = drive(desk, *verify_of("alice"), plan=Plan(at=((point, "starve"),)), pin=RIGHT)
    assert ran.code in (0, 8), ran
    assert "reset" not in ran.out + ran.err
    if ran.code == 0:
        assert ran.answer["outcome"] == "verified"
    elif point in UNCHARGED:
        assert desk.user("alice").attempts_total == 0
    assert asked(desk, "alice", RIGHT) is Outcome.VERIFIED
    assert desk.user("alice").failed_attempts == 0
    nothing_impossible(desk)
