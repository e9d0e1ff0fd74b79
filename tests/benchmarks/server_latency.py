"""What an agent waits for on PostgreSQL: from Enter to the verdict, on a terminal.

As verdict_latency, with both commits of the bare prompt in one round trip; and at a desk with
the server far away, where round trips are counted too.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.on_server import floor_tables, moved, running_server
from tests.benchmarks.population import Shape
from tests.benchmarks.verdict_latency import ALONE, COMMITTING, at_a_desk, at_a_prompt
from tests.support.cutting_proxy import proxied


def print_far(times: Mapping[str, Sequence[float]], flights: Sequence[int], way: float) -> None:
    """What the distance costs, in round trips."""
    for name, each in times.items():
        timing.print_times(name, each)
    for name in (COMMITTING, "pincli desk"):
        beyond = statistics.median(times[name]) - statistics.median(times[ALONE])
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
        env, dsn = host.environment(), floor_tables(host.database_there)
        print(" at a cold verify, the server on this machine")
        timing.print_latencies(at_a_prompt(env, dsn, given.runs), "pincli verify")
        print(" at a warm desk, the server on this machine")
        timing.print_latencies(at_a_desk(env, dsn, given.runs)[0], "pincli desk")
        print(f" at a warm desk, the server {given.way * 1000:.0f} ms away")
        with proxied(host.database_there, given.way) as proxy:
            far = replace(host, database_there=proxy.database).environment()
            print_far(*at_a_desk(far, proxy.database.dsn(), given.runs, proxy), given.way)


if __name__ == "__main__":
    main()
