"""Many callers at once (20), all on one user and each on another: checks a second.

For information: on one user they must queue, and every one of them be verified.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.population import CALLERS, Shape, store_of
from tests.benchmarks.verify_speed import verify_command
from tests.support.desk import Desk


def checks_per_second(desk: Desk, users: Sequence[str], runs: int) -> tuple[float, float]:
    """Checks a second of one process after another for each entry of users, all at once.

    Returns:
        The rate, and the longest that one of them took.
    """

    def one_caller(user: str) -> float:
        slowest = 0.0
        for _ in range(runs):
            ended = timing.run(verify_command(desk, user))
            if json.loads(ended.out)["outcome"] != "verified":
                raise SystemExit(ended.out.decode())
            slowest = max(slowest, ended.seconds)
        return slowest

    start = time.perf_counter()
    with ThreadPoolExecutor(len(users)) as pool:
        slowest = max(pool.map(one_caller, users))
    return len(users) * runs / (time.perf_counter() - start), slowest


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=5)
    options.add_argument("--users", type=int, default=1000, help="users in the store (1000)")
    options.add_argument("--callers", type=int, default=len(CALLERS), help="at once (20)")
    given = options.parse_args()
    desk = store_of(Shape(given.users), given.cache)
    count = given.callers
    single = timing.run(verify_command(desk)).seconds
    print(f"  one alone: {single * 1000:.0f} ms; {os.cpu_count()} cores")
    for name, users in (("one user", CALLERS[:1] * count), (f"{count} users", CALLERS[:count])):
        rate, slowest = checks_per_second(desk, users, given.runs)
        print(
            f"  {count} callers on {name}: {rate:.1f} checks a second, "
            f"the slowest took {slowest * 1000:.0f} ms"
        )


if __name__ == "__main__":
    main()
