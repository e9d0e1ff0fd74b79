"""By how much a verify makes the store grow, with and without a ticket.

In one process and at a cheap hash, which the size doesn't depend on.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from pincli.operations.verify import verify
from tests.benchmarks.arguments import options
from tests.support.desk import connection_of, new_desk

_PIN = "444159"
_UNCOUNTED = 3
"""Verifies a user before it counts: pages are full at first, and split."""


def main() -> None:
    """Measure and print."""
    given = options(__doc__, runs=3000, users=200)
    rng = random.Random(1)
    with tempfile.TemporaryDirectory(dir=given.cache) as folder:
        desk = new_desk(Path(folder))
        users = [f"user-{number:07}" for number in range(given.users)]
        with desk.session(command="verify", agent="support-agent") as session:
            connection_of(session).execute("PRAGMA synchronous = OFF")
            for user in users:
                desk.collected(user, "account-000042", _PIN)
            for name, ticket in (("without a ticket", None), ("with a ticket", "T-4711")):
                for user in users * _UNCOUNTED:
                    verify(session, user, _PIN, ticket)
                before = desk.database.stat().st_size
                for _ in range(given.runs):
                    verify(session, rng.choice(users), _PIN, ticket)
                grown = (desk.database.stat().st_size - before) / given.runs
                print(f"  a verify {name}: {grown:.0f} bytes a verify  goal 650")


if __name__ == "__main__":
    main()
