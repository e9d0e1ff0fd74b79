"""What an agent at the desk waits for: from Enter to the verdict, once the desk is warm.

Against the hash alone, and the hash between two durable commits (bare/prompt.py, which asks
again and again), typed and timed in the same way. Calls are made by turns with the bare ones.
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
from types import TracebackType
from typing import Self

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.population import (
    CALLERS,
    PIN,
    Shape,
    floor_verifier,
    new_floor_store,
    store_of,
)

_ANSI = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_PATIENCE = 60.0


class Typist:
    """Somebody who types at a program that goes on and on."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_PATIENCE)
        os.close(self._terminal)

    def until(self, pattern: bytes) -> float:
        """Read until what is visible has a pattern; the time at which it had."""
        read = b""
        while not re.search(pattern, _ANSI.sub(b" ", read)):
            if not select.select([self._terminal], [], [], _PATIENCE)[0]:
                raise SystemExit(f"waited in vain for {pattern!r}: {read!r}")
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


def desk_call(desk: Typist, user: str, typing: float) -> float:
    """A call at the desk: the seconds from Enter to the verdict's word."""
    begin_call(desk, user, typing)
    return enter(desk)


def begin_call(desk: Typist, user: str, typing: float) -> None:
    """A call at the desk, up to Enter."""
    desk.type(f"{user}\r".encode())
    desk.until(rb"\bPIN\b")
    desk.type(PIN.encode())
    desk.pause(typing)


def enter(desk: Typist) -> float:
    """Enter at the desk: the seconds from it to the verdict's word."""
    start = desk.type(b"\r")
    seconds = desk.until(rb"VERIFIED") - start
    desk.pause(0.1)
    return seconds


def bare_call(bare: Typist, typing: float) -> float:
    """The bare hash: the seconds from Enter to the answer."""
    bare.type(PIN.encode())
    bare.pause(typing)
    start = bare.type(b"\n")
    seconds = bare.until(rb"ok") - start
    bare.pause(0.1)
    return seconds


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=40)
    options.add_argument("--users", type=int, default=1000, help="users in the store (1000)")
    options.add_argument("--typing", type=float, default=0.3, help="seconds to type a PIN (0.3)")
    given = options.parse_args()
    store = store_of(Shape(given.users), given.cache)
    prompt = [sys.executable, str(Path(__file__).parent / "bare" / "prompt.py")]
    prompt += ["--again", floor_verifier(PIN)]
    times: dict[str, list[float]] = {
        name: [] for name in ("hash alone", "hash and two commits", "pincli desk")
    }
    with tempfile.TemporaryDirectory(dir=given.cache) as folder:
        database = Path(folder) / "floor.db"
        new_floor_store(database, CALLERS[0], PIN)
        env = store.environment()
        with (
            Typist(prompt, env) as alone,
            Typist([*prompt, str(database)], env) as committing,
            Typist([*timing.pincli(), "desk"], env) as desk,
        ):
            for bare in (alone, committing):
                bare.until(rb"PIN: ")
            desk.until(rb"\bcaller\b")
            desk.pause(1.0)
            for turn in range(-1, given.runs):
                found = (
                    bare_call(alone, given.typing),
                    bare_call(committing, given.typing),
                    desk_call(desk, CALLERS[turn % len(CALLERS)], given.typing),
                )
                if turn >= 0:
                    for each, seconds in zip(times.values(), found, strict=True):
                        each.append(seconds)
    timing.print_latencies(times, "pincli desk")


if __name__ == "__main__":
    main()
