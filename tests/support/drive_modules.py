"""Run pincli's command line, then write the names of all loaded modules to a file.

    python drive_modules.py FILE ARGUMENTS…

Written at the very end, when background threads have loaded what they load. It imports next
to nothing itself: what it had loaded would be missing from the list.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run pincli as `__main__` does, and leave the list behind."""
    target = sys.argv[1]
    before = set(sys.modules)
    sys.argv = ["pincli", *sys.argv[2:]]
    from pincli.__main__ import main as run

    try:
        run()
    finally:
        loaded = sorted(set(sys.modules) - before)
        with open(target, "w", encoding="ascii") as file:
            file.write("\n".join(loaded))


if __name__ == "__main__":
    main()
