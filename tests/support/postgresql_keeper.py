"""A process that removes a run's servers after their last user.

It waits for the users' locks, which the kernel drops however a user ends.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.postgresql import Server, Servers


def main(folder: Path) -> None:
    """Wait for the last user of a folder, and remove it with its servers."""
    with open(folder / "users") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        for data in folder.glob("*/data"):
            Server(Servers(folder), data.parent.name).remove()
        for mount in Path("/proc/self/mounts").read_text().splitlines():
            if mount.split()[1].startswith(f"{folder}/"):  # a small disk of a killed run
                subprocess.run(["umount", "--lazy", mount.split()[1]], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
