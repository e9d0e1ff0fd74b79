"""`pincli reset --all` against sqlite3 alone.

The bare script (bare/reset_users.py) withdraws the same PINs and writes as many events. Then
once more with an agent verifying one caller after another meanwhile: how long they wait.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.population import CALLERS, Shape, store_of
from tests.benchmarks.timing import Command, Run
from tests.benchmarks.verify_speed import verify_command
from tests.support.desk import Desk
from tests.support.floor import copy_of


def reset_all(desk: Desk) -> Command:
    """The reset of everybody, by pincli."""
    argv = [*timing.pincli(), "reset", "--all", "--yes", "--json"]
    return Command("pincli reset --all", argv, env=desk.environment())


def reset_barely(desk: Desk) -> Command:
    """The bare script on that store."""
    script = Path(__file__).parent / "bare" / "reset_users.py"
    return Command("bare reset", [sys.executable, str(script), str(desk.database)])


def measure(desk: Desk, runs: int, scratch: Path) -> None:
    """Reset copies of a store by turns, and print."""
    results: dict[str, list[Run]] = {}
    for _ in range(runs):
        for make in (reset_all, reset_barely):
            shutil.rmtree(scratch, ignore_errors=True)
            copy = copy_of(desk, scratch)
            command = make(copy)
            results.setdefault(command.name, []).append(timing.run(command))
            ((left,),) = copy.sql("SELECT count(*) FROM people WHERE question IS NOT NULL")
            if left:
                raise SystemExit(f"{command.name}: {left} PINs are left")
    timing.print_runs(results)
    by_pincli, barely = results.values()
    timing.print_ratio("reset to bare", by_pincli, barely, "2")


def measure_waiting(desk: Desk, runs: int, scratch: Path) -> None:
    """Reset a copy with an agent at work beside, and print what the agent's checks took."""
    shutil.rmtree(scratch, ignore_errors=True)
    copy = copy_of(desk, scratch)
    # The last row: verified until the reset comes to it, and refused from then on.
    verify = verify_command(copy, CALLERS[-1])._replace(codes=(0, 5))
    quiet = [timing.run(verify).seconds for _ in range(3 * runs)]
    during: list[Run] = []
    done = threading.Event()

    def agent() -> None:
        while not done.is_set():
            during.append(timing.run(verify))

    thread = threading.Thread(target=agent)
    thread.start()
    reset = timing.run(reset_all(copy))
    done.set()
    thread.join()
    verdicts = Counter("verified" if run.code == 0 else "uncollected" for run in during)
    timing.print_times("a verify before the reset", quiet)
    timing.print_times("a verify beside it", [run.seconds for run in during], f"{dict(verdicts)}")
    longest = max(run.seconds for run in during) - statistics.median(quiet)
    print(f"  the reset beside them took {reset.seconds:.2f} s")
    print(f"  longest wait: {longest:.3f} s  goal 1")


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=3, users=100_000)
    desk = store_of(Shape(given.users), given.cache)
    print(f"  {given.users} users")
    with tempfile.TemporaryDirectory(dir=given.cache) as folder:
        measure(desk, given.runs, Path(folder) / "store")
        measure_waiting(desk, given.runs, Path(folder) / "store")


if __name__ == "__main__":
    main()
