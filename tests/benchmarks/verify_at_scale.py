"""Whether the store's size matters: a verify among 1,000 users and among 1,000,000.

At the big store also `status`, for one user, for the totals and for lists.
"""

from __future__ import annotations

from tests.benchmarks import timing
from tests.benchmarks.arguments import options
from tests.benchmarks.population import ATTACKED, CALLERS, Shape, store_of
from tests.benchmarks.timing import Command
from tests.benchmarks.verify_speed import verify_command


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        runs=25,
        small=(1000, "users in the small store"),
        big=(1_000_000, "users in the big store"),
    )
    small = store_of(Shape(given.small), given.cache)
    big = store_of(Shape(given.big, looks=4), given.cache)
    few = verify_command(small, CALLERS[7], name=f"verify, {given.small} users")
    many = verify_command(big, CALLERS[7], name=f"verify, {given.big} users")
    results = timing.alternate([few, many], given.runs)
    timing.print_runs(results)
    timing.print_ratio("big to small store", results[many.name], results[few.name], "1.1")
    views = (["status", CALLERS[7]], ["status"], ["status", "--account", ATTACKED])
    commands = [
        Command(" ".join(words), [*timing.pincli(), *words, "--json"], env=big.environment())
        for words in (*views, ["status", "--locked"])
    ]
    print(f"  among {given.big} users; goal for the totals: under a second")
    timing.print_runs(timing.alternate(commands, max(1, given.runs // 3)))


if __name__ == "__main__":
    main()
