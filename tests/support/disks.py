"""A disk that is soon full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk_at(folder: Path, kib: int) -> Iterator[Path]:
    """A file system of this size, mounted on a new folder."""
    if os.geteuid() != 0:
        pytest.skip("mounting takes root, which CI is")
    folder.mkdir()
    options = f"size={kib}k,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
