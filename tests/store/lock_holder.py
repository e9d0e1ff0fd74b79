"""A process that takes a lock and reports on it: run with a lock file and a byte.

It says `trying`, `held` and `released`, each on a line of its own, and lets go at any line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pincli.store.sqlite.lockfile import Locks


def hold(path: Path, byte: int) -> None:
    """Take the lock, hold it until the test says so, then wait for one more line."""
    locks = Locks(path)
    say("trying")
    with locks._held(byte):
        say("held")
        sys.stdin.readline()
    say("released")
    sys.stdin.readline()


def say(word: str) -> None:
    """Write a line that the test waits for."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    hold(Path(sys.argv[1]), int(sys.argv[2]))
