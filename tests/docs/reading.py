"""What the README and the chapters say, in pieces."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from pincli.models import Origin
from pincli.operations import setup
from pincli.views.manual.chapters import FOLDER
from tests.support.desk import Desk, private_files
from tests.support.driving import guess_wrong

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHAPTERS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
WRONG = "190562"
_FENCES = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """The blocks of that language in a text."""
    return [body for name, body in _FENCES.findall(text) if name == language]


def commands(block: str) -> list[str]:
    """The commands of a block, each on one line."""
    return [line for line in re.sub(r"\\\n\s*", "", block).splitlines() if line]


def runnable(lines: list[str]) -> list[str]:
    """The lines that this machine has the programs for; CI has jq."""
    return [line for line in lines if "jq " not in line or shutil.which("jq")]


def bash(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script in the home folder of that environment."""
    return subprocess.run(
        ["bash", "-c", script],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def ready(home: dict[str, str], *, misses: int = 0) -> Desk:
    """Make a store with Alice and her PIN, and some wrong answers."""
    folder = Path(home["HOME"])
    desk = Desk(folder / ".local/share/pincli", folder / ".config/pincli")
    with private_files():
        setup.initialise(desk.store, desk.keys, origin=Origin("tester", "init"))
        desk.collected("alice")
        guess_wrong(desk, "alice", misses, WRONG)
    return desk
