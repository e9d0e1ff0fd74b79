"""Run a command, and write how much memory it took at most: FILE COMMAND...

From a small process: the kernel's figure begins with the size of the parent, and
pytest is large.
"""

from __future__ import annotations

import resource
import subprocess
import sys


def main() -> int:
    """Leave the peak in bytes in the file; the command's own exit code."""
    ended = subprocess.run(sys.argv[2:], check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write(str(peak))
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
