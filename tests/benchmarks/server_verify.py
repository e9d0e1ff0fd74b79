"""A cold `pincli verify` on PostgreSQL, by a socket of the same machine, against SQLite.

Whole processes by turns, over the same users. A desk's login, and a server that syncs.
"""

from __future__ import annotations

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.on_server import host_on_a_server, server_cpu
from tests.benchmarks.population import CALLERS, Shape, store_of
from tests.benchmarks.verify_speed import print_imports, verify_command


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=25, users=1000)
    folder_store = verify_command(store_of(Shape(given.users), given.cache), name="verify, SQLite")
    with host_on_a_server(Shape(given.users), given.cache) as (host, server):
        served = verify_command(host, CALLERS[0], "verify, PostgreSQL")
        before = server_cpu(server)
        results = timing.alternate([folder_store, served], given.runs)
        spent = (server_cpu(server) - before) / len(timing.turns(given.runs))
        timing.print_runs(results)
        print(f"  the server's own CPU time: {spent * 1000:.1f} ms a verify")
        timing.print_ratio(
            "PostgreSQL to SQLite", results[served.name], results[folder_store.name], "1.7"
        )
        print_imports(served)


if __name__ == "__main__":
    main()
