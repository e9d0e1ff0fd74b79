"""Run pincli once, with failpoints: python -m tests.support.drive_app PLAN ARGUMENTS..."""

from __future__ import annotations

import sys

from pincli.__main__ import main
from tests.support.failpoints import Plan, install


def drive() -> None:
    """Take the plan off the command line, and let pincli have the rest of it."""
    install(Plan.load(sys.argv.pop(1)))
    sys.argv[0] = "pincli"
    main()


if __name__ == "__main__":
    drive()
