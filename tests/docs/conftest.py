"""A home for the commands of the README and the chapters."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.docs.reading import ROOT


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who just installed pincli: an empty home, it in the PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    pincli = programs / "pincli"
    pincli.write_text(f'#!/bin/sh\nexec {sys.executable} -m pincli "$@"\n')
    pincli.chmod(0o755)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return {
        "HOME": str(folder),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
    }
