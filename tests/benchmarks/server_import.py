"""`pincli import` into an empty store on PostgreSQL, against csv and COPY alone.

The bare script (bare/copy_users.py) copies the same rows into the same tables, with digests and
links that it computes in Python.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.bulk_import import imported, write_csv
from tests.benchmarks.on_server import running_server, server_cpu
from tests.benchmarks.timing import Command, Run
from tests.support.desk import Desk
from tests.support.postgresql import Server
from tests.support.served import ServedDesk, make_schema, served_desk


def copied(desk: Desk, file: Path) -> Run:
    """A run of the bare script into that store."""
    assert isinstance(desk, ServedDesk)
    script = Path(__file__).parent / "bare" / "copy_users.py"
    argv = [sys.executable, str(script), desk.database_there.dsn(), str(file)]
    return timing.run(Command("bare COPY", argv))


def _measured(
    run: Callable[[Desk, Path], Run], users: int, server: Server, folder: Path
) -> tuple[Run, float]:
    """A run into a store of its own, and the server's CPU time for it."""
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        desk = served_desk(server.database(make_schema), Path(fresh))
        server.sql("CHECKPOINT")
        before = server_cpu(server)
        ended = run(desk, folder / "users.csv")
        ((found,),) = desk.sql("SELECT count(*) FROM people")
        ((events,),) = desk.sql("SELECT count(*) FROM trail WHERE kind = 'user_added'")
        if found != users or events != users:
            raise SystemExit(f"{found} users and {events} events of {users}")
        desk.database_there.drop()  # which waits for the process of the run to end
        spent = server_cpu(server) - before
    return ended, spent


def measure(users: int, runs: int, server: Server, folder: Path) -> None:
    """Import so many users by turns, each time into a fresh store, and print."""
    write_csv(folder / "users.csv", users)
    programs = {"pincli import": imported, "bare COPY": copied}
    results: dict[str, list[Run]] = {name: [] for name in programs}
    servers: dict[str, float] = dict.fromkeys(programs, 0.0)
    for _ in range(runs):
        for name, run in programs.items():
            ended, spent = _measured(run, users, server, folder)
            results[name].append(ended)
            servers[name] += spent / runs
    print(f"  {users} users; goal for pincli's peak: 150 MiB, whatever the size")
    timing.print_runs(results)
    together = {}
    for name, spent in servers.items():
        print(f"  the server's CPU time, beside that: {name} {spent:.1f} s")
        together[name] = spent + statistics.mean(each.cpu for each in results[name])
    timing.print_ratio("import to COPY", results["pincli import"], results["bare COPY"], "2")
    both = together["pincli import"] / together["bare COPY"]
    print(f"  ratio by CPU time with the server's: {both:.2f}")


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=3, users=[100_000, 1_000_000])
    with running_server() as server, tempfile.TemporaryDirectory(dir=given.cache) as folder:
        for users in given.users:
            measure(users, given.runs, server, Path(folder))


if __name__ == "__main__":
    main()
