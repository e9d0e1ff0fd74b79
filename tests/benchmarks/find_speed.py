"""Finding people by rare and by common words, in an open store, among few users and many."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

from pincli.operations.find import find
from pincli.operations.session import Need
from tests.benchmarks.arguments import options
from tests.benchmarks.on_server import host_on_a_server
from tests.benchmarks.population import Shape, store_of

SEARCHES = {
    "a rare word": "last0999",
    "a common word": "smith",
    "two common words": "alice smith",
    "two beginnings": "a s",
    "one letter": "a",
    "within an account": "smith attacked",
    "a whole login": "user-0000017",
    "nobody, with near words": "alice smoth zanzibar",
}


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__, runs=20, users=[1_000, 1_000_000], server=(False, "on PostgreSQL, at a desk")
    )
    for users in given.users:
        with ExitStack() as stack:
            desk = store_of(Shape(users), given.cache)
            if given.server:
                desk, _ = stack.enter_context(host_on_a_server(Shape(users), given.cache))
            session = stack.enter_context(desk.session(Need.ATTEMPT))
            print(f"  {users} users on {'PostgreSQL' if given.server else 'SQLite'}; goal: 50 ms")
            for name, words in SEARCHES.items():
                seconds, cpu = [], time.process_time()
                for _ in range(given.runs):
                    began = time.perf_counter()
                    found = find(session, words)
                    seconds.append(time.perf_counter() - began)
                cpu = (time.process_time() - cpu) / given.runs
                fit = len(found.people) + found.more
                print(
                    f"  {name:24} {statistics.median(seconds) * 1000:7.1f} ms, at most "
                    f"{max(seconds) * 1000:7.1f} ms, {cpu * 1000:5.1f} ms of CPU time; "
                    f"{'' if found.all_counted else 'over '}{fit} fit"
                )


if __name__ == "__main__":
    main()
