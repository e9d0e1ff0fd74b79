"""`pincli import` of a CSV into an empty store, against csv and sqlite3 alone.

The bare script (bare/import_users.py) writes the same rows into the same tables. With
several sizes: whether memory stays flat.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.timing import Command, Run
from tests.support.desk import Desk, new_desk

_STRIDE = 611_953
"""A prime: users come in an order that is neither that of their names nor random each time."""


def write_csv(path: Path, users: int) -> None:
    """A file of so many users, without holding them in memory: that would count as pincli's."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("user", "account", "name", "type", "active"))
        for row in range(users):
            number = row * _STRIDE % users
            account = number * 31 % max(1, users // 20)
            active = "false" if number % 50 == 0 else "true"
            kind = "datapipe" if number % 25 == 1 else "cloud"
            writer.writerow(
                (f"user-{number:07}", f"account-{account}", f"Person {number}", kind, active)
            )


def imported(desk: Desk, file: Path) -> Run:
    """A run of pincli's import into that store."""
    argv = [*timing.pincli(), "import", str(file), "--json"]
    return timing.run(Command("pincli import", argv, env=desk.environment()))


def imported_barely(desk: Desk, file: Path) -> Run:
    """A run of the bare script into that store."""
    script = Path(__file__).parent / "bare" / "import_users.py"
    argv = [sys.executable, str(script), str(desk.database), str(file)]
    return timing.run(Command("bare import", argv))


def measure(users: int, runs: int, folder: Path) -> None:
    """Import so many users by turns, each time into a fresh store, and print."""
    file = folder / "users.csv"
    write_csv(file, users)
    results: dict[str, list[Run]] = {"pincli import": [], "bare import": []}
    for _ in range(runs):
        for name, run in (("pincli import", imported), ("bare import", imported_barely)):
            with tempfile.TemporaryDirectory(dir=folder) as fresh:
                desk = new_desk(Path(fresh))
                results[name].append(run(desk, file))
                ((found,),) = desk.sql("SELECT count(*) FROM people")
                if found != users:
                    raise SystemExit(f"{name}: {found} users of {users}")
    print(f"  {users} users; goal for pincli's peak: 150 MiB, whatever the size")
    timing.print_runs(results)
    timing.print_ratio("import to bare", results["pincli import"], results["bare import"], "2")


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=3, users=[100_000, 1_000_000])
    with tempfile.TemporaryDirectory(dir=given.cache) as folder:
        for users in given.users:
            measure(users, given.runs, Path(folder))


if __name__ == "__main__":
    main()
