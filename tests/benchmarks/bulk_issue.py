"""`pincli reset --all --issue`: PINs made at once, against as many bare hashes on all cores."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.population import Shape, copy_of, store_of
from tests.benchmarks.timing import Command, Run


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=3)
    options.add_argument("--users", type=int, default=2000, help="PINs to make (2000)")
    given = options.parse_args()
    desk = store_of(Shape(given.users, plain=True), given.cache)
    script = Path(__file__).parent / "bare" / "hash_pins.py"
    bare = Command("bare hashes", [sys.executable, str(script), str(given.users)])
    reset = [*timing.pincli(), "reset", "--all", "--issue", "--yes", "--json"]
    results: dict[str, list[Run]] = {"pincli reset --issue": [], bare.name: []}
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory(dir=given.cache) as folder:
            copy = copy_of(desk, Path(folder) / "store")
            command = Command("pincli reset --issue", reset, env=copy.environment())
            results[command.name].append(timing.run(command))
            ((left,),) = copy.sql("SELECT count(*) FROM people WHERE pin_version = 1")
        if left:
            raise SystemExit(f"{left} users have no new PIN")
        results[bare.name].append(timing.run(bare))
    timing.print_runs(results)
    issued, hashed = ([run.seconds for run in runs] for runs in results.values())
    print(
        f"  {given.users} PINs, ratio of the bare hashes' rate: "
        f"{timing.ratio(hashed, issued):.0%}  goal 90%"
    )


if __name__ == "__main__":
    main()
