"""`pincli reset --account` of the same 1,000 users in a small store and in a big one."""

from __future__ import annotations

import json

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.population import ATTACKED, Shape, renew_pins, store_of
from tests.benchmarks.timing import Command, Run


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=9)
    options.add_argument("--small", type=int, default=10_000, help="users in the small store")
    options.add_argument("--big", type=int, default=1_000_000, help="users in the big one")
    given = options.parse_args()
    argv = [*timing.pincli(), "reset", "--account", ATTACKED, "--yes", "--json"]
    results: dict[str, list[Run]] = {}
    counts = set()
    for _ in range(given.runs):
        for users in (given.small, given.big):
            desk = store_of(Shape(users), given.cache)
            renew_pins(desk, ATTACKED)
            name = f"{ATTACKED}, among {users}"
            ended = timing.run(Command(name, argv, env=desk.environment()))
            counts.add(json.loads(ended.out)["reset"])
            results.setdefault(name, []).append(ended)
    print(f"  users reset each time: {counts}")
    timing.print_runs(results)
    small, big = results.values()
    timing.print_ratio("big to small store", big, small, "1.2")


if __name__ == "__main__":
    main()
