"""What an agent waits for on PostgreSQL: from Enter to the verdict, on a terminal.

Against the hash and two commits in one round trip (bare/prompt.py with psycopg), asked and
timed in the same way: typed at a `verify`, at a warm desk, and at a warm desk with the server
far away, where round trips are counted too.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.desk_verdict import Typist, bare_call, begin_call, enter
from tests.benchmarks.on_server import floor_tables, moved, running_server
from tests.benchmarks.population import CALLERS, PIN, Shape, floor_verifier
from tests.benchmarks.verdict_latency import enter_to_verdict
from tests.support.cutting_proxy import Proxy, proxied
from tests.support.served import ServedDesk

_BARE = [sys.executable, str(Path(__file__).parent / "bare" / "prompt.py")]
_ALONE, _COMMITTING = "hash alone", "hash and two commits"


def at_a_prompt(host: ServedDesk, dsn: str, runs: int) -> dict[str, list[float]]:
    """Seconds from Enter at `pincli verify`, and at the bare prompt, by turns."""
    prompt = [*_BARE, floor_verifier(PIN)]
    programs = {
        _ALONE: (prompt, b"ok"),
        _COMMITTING: ([*prompt, dsn], b"ok"),
        "pincli verify": ([*timing.pincli(), "verify", CALLERS[0]], b"VERIFIED"),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, (argv, expected) in programs.items():
            times[name].append(
                enter_to_verdict(argv, host.environment(), typing=1.0, expected=expected)
            )
    return times


def at_a_desk(
    host: ServedDesk, dsn: str, runs: int, proxy: Proxy | None = None
) -> tuple[dict[str, list[float]], list[int]]:
    """Seconds from Enter at a warm desk, and at a bare prompt that goes on, by turns.

    Returns:
        Times by name, and how often the desk waited for the server after each Enter.
    """
    prompt = [*_BARE, "--again", floor_verifier(PIN)]
    times: dict[str, list[float]] = {_ALONE: [], _COMMITTING: [], "pincli desk": []}
    flights = []
    env = host.environment()
    with (
        Typist(prompt, env) as alone,
        Typist([*prompt, dsn], env) as committing,
        Typist([*timing.pincli(), "desk"], env) as desk,
    ):
        for bare in (alone, committing):
            bare.until(rb"PIN: ")
        desk.until(rb"\bcaller\b")
        desk.pause(1.0)
        for turn in range(-1, runs):
            found = [bare_call(alone, 0.3), bare_call(committing, 0.3)]
            begin_call(desk, CALLERS[turn % len(CALLERS)], 0.3)
            before = proxy.flights if proxy else 0
            found.append(enter(desk))
            if turn >= 0:
                flights.append((proxy.flights if proxy else 0) - before)
                for each, seconds in zip(times.values(), found, strict=True):
                    each.append(seconds)
    return times, flights


def print_far(times: Mapping[str, Sequence[float]], flights: Sequence[int], way: float) -> None:
    """What the distance costs, in round trips."""
    for name, each in times.items():
        timing.print_times(name, each)
    for name in (_COMMITTING, "pincli desk"):
        beyond = statistics.median(times[name]) - statistics.median(times[_ALONE])
        print(f"  {name}: {beyond / (2 * way):.1f} round trips' time on top of the hash")
    print(
        f"  round trips from Enter to the verdict: {statistics.median(flights):.0f} "
        f"(at most {max(flights)})  goal 3"
    )


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=25)
    options.add_argument("--users", type=int, default=1000, help="users in the store (1000)")
    options.add_argument("--way", type=float, default=0.02, help="seconds each way (0.02)")
    given = options.parse_args()
    with running_server() as server, tempfile.TemporaryDirectory(dir=given.cache) as folder:
        host = moved(Shape(given.users), given.cache, server, Path(folder))
        dsn = floor_tables(host.database_there)
        print(" typed at a verify, the server on this machine")
        timing.print_latencies(at_a_prompt(host, dsn, given.runs), "pincli verify")
        print(" at a warm desk, the server on this machine")
        timing.print_latencies(at_a_desk(host, dsn, given.runs)[0], "pincli desk")
        print(f" at a warm desk, the server {given.way * 1000:.0f} ms away")
        with proxied(host.database_there, given.way) as proxy:
            far = replace(host, database_there=proxy.database)
            print_far(*at_a_desk(far, proxy.database.dsn(), given.runs, proxy), given.way)


if __name__ == "__main__":
    main()
