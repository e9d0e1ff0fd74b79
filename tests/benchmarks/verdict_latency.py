"""What an agent waits for: from Enter to the first sign of the verdict, on a terminal.

Against the hash alone in a small warmed process, and the hash between two durable commits
(bare/prompt.py), both asked and timed in the same way.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

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
_PATIENCE = 60


def enter_to_verdict(
    argv: Sequence[str], env: Mapping[str, str], *, typing: float, expected: bytes
) -> float:
    """Seconds from Enter to the first visible byte of the answer.

    Args:
        argv: A program that asks for the PIN with a colon and a blank at the end.
        env: Its environment.
        typing: Seconds that the agent takes to type the PIN.
        expected: What the answer must contain.
    """
    terminal, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        ) as process:
            os.close(theirs)
            _read_until(terminal, re.compile(rb": \Z"))
            time.sleep(typing)
            start = time.perf_counter()
            os.write(terminal, f"{PIN}\n".encode())
            answer = _read_until(terminal, re.compile(rb"\S"))
            seconds = time.perf_counter() - start
            answer += _read_until(terminal, re.compile(rb"(?!)"))
            process.wait(_PATIENCE)
    finally:
        os.close(terminal)
    if process.returncode or expected not in answer:
        raise SystemExit(f"{argv[0]}: exit code {process.returncode}: {answer!r}")
    return seconds


def _read_until(terminal: int, pattern: re.Pattern[bytes]) -> bytes:
    """What comes until what is visible of it has the pattern, or until it ends."""
    read = b""
    while not pattern.search(_ANSI.sub(b"", read)):
        try:
            more = os.read(terminal, 4096)
        except OSError:  # Linux: nobody has the other end any more
            break
        if not more:
            break
        read += more
    return read


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=25)
    options.add_argument("--users", type=int, default=1000, help="users in the store (1000)")
    options.add_argument("--typing", type=float, default=1.0, help="seconds to type the PIN (1.0)")
    given = options.parse_args()
    desk = store_of(Shape(given.users), given.cache)
    prompt = [
        sys.executable,
        str(Path(__file__).parent / "bare" / "prompt.py"),
        floor_verifier(PIN),
    ]
    with tempfile.TemporaryDirectory(dir=given.cache) as folder:
        database = Path(folder) / "floor.db"
        new_floor_store(database, CALLERS[0], PIN)
        programs = {
            "hash alone": (prompt, b"ok"),
            "hash and two commits": ([*prompt, str(database)], b"ok"),
            "pincli verify": ([*timing.pincli(), "verify", CALLERS[0]], b"VERIFIED"),
        }
        times: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(given.runs):
            for name, (argv, expected) in programs.items():
                times[name].append(
                    enter_to_verdict(
                        argv, desk.environment(), typing=given.typing, expected=expected
                    )
                )
    timing.print_latencies(times, "pincli verify")


if __name__ == "__main__":
    main()
