"""`pincli audit verify` of a million events and more, to bare HMACs over the same rows.

pincli also compares each user's record with the user's last event; the bare script doesn't.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.population import Shape, store_of
from tests.benchmarks.timing import Command


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=5)
    options.add_argument(
        "--users", type=int, default=1_000_000, help="users in the store (1000000)"
    )
    given = options.parse_args()
    desk = store_of(Shape(given.users), given.cache)
    script = Path(__file__).parent / "bare" / "hmac_events.py"
    check = Command(
        "pincli audit verify",
        [*timing.pincli(), "audit", "verify", "--json"],
        env=desk.environment(),
    )
    bare = Command("bare HMACs", [sys.executable, str(script), str(desk.database)])
    ((events,),) = desk.sql("SELECT count(*) FROM events")
    print(f"  {events} events, {given.users} users")
    results = timing.alternate([check, bare], given.runs)
    timing.print_runs(results)
    timing.print_ratio("verify to bare", results[check.name], results[bare.name], "2")


if __name__ == "__main__":
    main()
