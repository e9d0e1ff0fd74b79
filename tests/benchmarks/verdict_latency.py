"""What an agent waits for: from Enter to the verdict, at a cold `verify` and at a warm desk.

Compared with the hash alone, and with the hash between two durable commits (prompt.py), typed
and timed in the same way, by turns.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.population import (
    CALLERS,
    PIN,
    Shape,
    floor_verifier,
    new_floor_store,
    store_of,
)
from tests.support.cutting_proxy import Proxy

ALONE, COMMITTING = "hash alone", "hash and two commits"
_ANSI = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_PATIENCE = 60.0
_PROMPT = (sys.executable, str(Path(__file__).with_name("prompt.py")))
_TYPING = 0.3
"""Seconds that the agent takes to type a PIN."""


class Typist:
    """A program on a terminal, and who types at it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_PATIENCE)
        os.close(self._terminal)

    def until(self, pattern: bytes) -> float:
        """Read until the visible text has a pattern; the time at which it had."""
        read = b""
        while not re.search(pattern, _ANSI.sub(b" ", read)):
            if not select.select([self._terminal], [], [], _PATIENCE)[0]:
                raise SystemExit(f"no {pattern!r}: {read!r}")
            read += os.read(self._terminal, 65536)
        return time.perf_counter()

    def type(self, text: bytes) -> float:
        """Type; the time at which that was."""
        start = time.perf_counter()
        os.write(self._terminal, text)
        return start

    def pause(self, seconds: float) -> None:
        """Let everything settle, and forget what was shown."""
        time.sleep(seconds)
        while select.select([self._terminal], [], [], 0)[0]:
            os.read(self._terminal, 65536)

    def answered(self, enter: bytes, answer: bytes) -> float:
        """Seconds from Enter to the answer, after a PIN was typed."""
        self.type(PIN.encode())
        self.pause(_TYPING)
        start = self.type(enter)
        return self.until(answer) - start


def at_a_prompt(env: Mapping[str, str], database: str, runs: int) -> dict[str, list[float]]:
    """Seconds from Enter to the verdict of a cold `pincli verify`, and of the bare prompt."""
    prompt = [*_PROMPT, floor_verifier(PIN)]
    programs = {
        ALONE: (prompt, rb"\bok\b"),
        COMMITTING: ([*prompt, database], rb"\bok\b"),
        "pincli verify": ([*timing.pincli(), "verify", CALLERS[0]], rb" VERIFIED"),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, (argv, answer) in programs.items():
            with Typist(argv, env) as program:
                program.until(rb"PIN.*: \Z")
                time.sleep(1 - _TYPING)
                times[name].append(program.answered(b"\n", answer))
    return times


def at_a_desk(
    env: Mapping[str, str], database: str, runs: int, proxy: Proxy | None = None
) -> tuple[dict[str, list[float]], list[int]]:
    """Seconds from Enter to the verdict at a warm desk, and at a bare prompt that goes on.

    Returns:
        The times, and how often the desk waited for the server after each Enter.
    """
    prompt = [*_PROMPT, "--again", floor_verifier(PIN)]
    times: dict[str, list[float]] = {ALONE: [], COMMITTING: [], "pincli desk": []}
    flights = []
    with (
        Typist(prompt, env) as alone,
        Typist([*prompt, database], env) as committing,
        Typist([*timing.pincli(), "desk"], env) as desk,
    ):
        for bare in (alone, committing):
            bare.until(rb"PIN: ")
        desk.until(rb"\bcaller\b")
        desk.pause(1.0)
        for turn in timing.turns(runs):
            found = [bare.answered(b"\n", b"ok") for bare in (alone, committing)]
            desk.type(f"{CALLERS[turn % len(CALLERS)]}\r".encode())
            desk.until(rb"\bPIN\b")
            before = proxy.flights if proxy else 0
            found.append(desk.answered(b"\r", b"VERIFIED"))
            for each in (alone, committing, desk):
                each.pause(0.1)
            if turn >= 0:
                flights.append((proxy.flights if proxy else 0) - before)
                for each_times, seconds in zip(times.values(), found, strict=True):
                    each_times.append(seconds)
    return times, flights


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=25, users=1000)
    env = store_of(Shape(given.users), given.cache).environment()
    with tempfile.TemporaryDirectory(dir=given.cache) as folder:
        database = Path(folder) / "floor.db"
        new_floor_store(database, CALLERS[0], PIN)
        print(" at a cold verify")
        timing.print_latencies(at_a_prompt(env, str(database), given.runs), "pincli verify")
        print(" at a warm desk")
        timing.print_latencies(at_a_desk(env, str(database), given.runs)[0], "pincli desk")


if __name__ == "__main__":
    main()
