"""What an agent waits for on PostgreSQL: from Enter to the verdict, on a terminal.

As verdict_latency, with both commits of the bare prompt in one round trip; and at a desk with
the server far away, where round trips are counted too.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.on_server import floor_tables, host_on_a_server
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
    given = options(__doc__, runs=25, users=1000, way=(0.02, "seconds each way"))
    with host_on_a_server(Shape(given.users), given.cache) as (host, _):
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
