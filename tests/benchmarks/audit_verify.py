"""`pincli audit verify` of a million events, to bare SHA-256 over the same rows.

pincli also checks seals, counters, every record and the database's pages; the bare script
doesn't.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.population import Shape, store_of
from tests.benchmarks.timing import Command


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=5, users=220_000, looks=(3, "times each PIN was shown"))
    desk = store_of(Shape(given.users, looks=given.looks), given.cache)
    script = Path(__file__).parent / "bare" / "hash_events.py"
    check = Command(
        "pincli audit verify",
        [*timing.pincli(), "audit", "verify", "--json"],
        env=desk.environment(),
    )
    bare = Command("bare SHA-256", [sys.executable, str(script), str(desk.database)])
    ((events,),) = desk.sql("SELECT count(*) FROM trail")
    print(f"  {events} events, {given.users} users")
    results = timing.alternate([check, bare], given.runs)
    timing.print_runs(results)
    timing.print_ratio("verify to bare", results[check.name], results[bare.name], "2")


if __name__ == "__main__":
    main()
