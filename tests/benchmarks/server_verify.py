"""A cold `pincli verify` on PostgreSQL, by a socket of the same machine, against SQLite.

Whole processes by turns, over the same users. A desk's login, and a server that syncs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.on_server import moved, running_server, server_cpu
from tests.benchmarks.population import CALLERS, Shape, store_of
from tests.benchmarks.verify_speed import print_imports, verify_command


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=25)
    options.add_argument("--users", type=int, default=1000, help="users in the store (1000)")
    given = options.parse_args()
    shape = Shape(given.users)
    folder_store = verify_command(store_of(shape, given.cache), name="verify, SQLite")
    with running_server() as server, tempfile.TemporaryDirectory(dir=given.cache) as folder:
        host = moved(shape, given.cache, server, Path(folder))
        served = verify_command(host, CALLERS[0], "verify, PostgreSQL")
        before = server_cpu(server)
        results = timing.alternate([folder_store, served], given.runs)
        spent = (server_cpu(server) - before) / (given.runs + 1)
        timing.print_runs(results)
        print(f"  the server's own CPU time: {spent * 1000:.1f} ms a verify")
        timing.print_ratio(
            "PostgreSQL to SQLite", results[served.name], results[folder_store.name], "1.7"
        )
        print_imports(served)


if __name__ == "__main__":
    main()
