"""`import` of files beyond reason: they fail fast, with little memory."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest

from tests.support.contract import error_of
from tests.support.desk import PROGRAM, Desk, Ran
from tests.support.driving import ROOT, fresh
from tests.support.importing import HEADER

MIB = 1024 * 1024


def _fed(desk: Desk, head: bytes, filler: bytes, size: int) -> tuple[Ran, int, int]:
    """Import from a pipe of that size; how it ended, its memory, and how much it read."""
    peak = fresh(desk, "peak")
    driver = (sys.executable, "-m", "tests.support.drive_bulk_memory", str(peak))
    written = 0
    with subprocess.Popen(
        [*driver, *PROGRAM, "import", "-"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=desk.environment(),
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(head)
            while written < size:
                written += process.stdin.write(filler) or 0
        out, err = process.communicate()
    ran = Ran(process.returncode, out.decode(), err.decode())
    return ran, int(peak.read_text()), written


@pytest.mark.parametrize(
    ("head", "filler", "most"),
    [
        (f"{HEADER}\nnew,acme,".encode(), b"x" * MIB, 100 * MIB),
        (b'[\n{"user":"', b"x" * MIB, 100 * MIB),
    ],
    ids=["line", "array"],
)
def test_two_hundred_megabytes_fail_fast_with_little_memory(
    floor: Desk, head: bytes, filler: bytes, most: int
) -> None:
    """Neither a line nor an array of that size is read into memory."""
    ran, memory, written = _fed(floor, head, filler, 200 * MIB)
    assert ran.code == 2, ran
    error_of(ran)
    assert memory < most
    assert written < 50 * MIB


def test_memory_stays_flat(desk: Desk) -> None:
    """Kept rows would take 600 bytes each and more; what is kept of each is its login."""
    peaks = []
    for count in (4_000, 40_000):
        rows = "".join(f"u{n:06},acme,A name of some length {n},cloud\n" for n in range(count))
        ran, memory, _ = _fed(desk, b"", f"{HEADER}\n{rows}".encode(), 1)
        assert ran.code == 0, ran
        peaks.append(memory)
    assert peaks[1] < peaks[0] + 20 * MIB
