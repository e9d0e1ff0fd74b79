"""The forks of drive_forks.py, set up for bulk work: small chunks, and points at files.

Eight users are then several chunks, groups and pages, and a run can be killed before each
group of PINs that it writes down, each sync, rename, link and unlink.
"""

from __future__ import annotations

import os
from pathlib import Path

from pincli.operations import chunks, hashing, output_file, selection
from pincli.operations.intake import imports
from pincli.operations.pin_file import PinFile
from tests.support import drive_forks, failpoints
from tests.support.failpoints import Plan, Points

FULL_CHUNK = 3
SMALL = 2

_FILE_POINTS: tuple[tuple[object, str, str], ...] = (
    (os, "fsync", "fsync"),
    (os, "link", "link"),
    (os, "rename", "rename"),
    (os, "unlink", "unlink"),
    (Path, "rename", "rename"),
    (Path, "unlink", "unlink"),
    (output_file, "give_name", "rename"),
    (PinFile, "append", "pins"),
)


def install(plan: Plan) -> None:
    """What failpoints.install does, and the points at files."""
    points = Points(plan)
    failpoints._replace(failpoints, "Points", lambda _: points)
    failpoints.install(plan)
    for owner, name, point in _FILE_POINTS:
        failpoints._watch(points, owner, name, point, "")


def main() -> None:
    """Make chunks and pages small, and serve."""
    failpoints._replace(chunks, "FULL_CHUNK", FULL_CHUNK)
    failpoints._replace(chunks, "SMALLEST_CHUNK", SMALL)
    failpoints._replace(chunks, "LONGEST_CHUNK", 600.0)  # as many, however slow the machine is
    failpoints._replace(hashing, "_WRITE_AT_ONCE", SMALL)
    for module in (selection, imports):
        failpoints._replace(module, "_PAGE", SMALL)
    failpoints._replace(drive_forks, "install", install)
    drive_forks.serve()


if __name__ == "__main__":
    main()
