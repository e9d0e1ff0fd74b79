"""What the README and the chapters say, in pieces."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from pincli.views.manual.chapters import FOLDER

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHAPTERS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
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


def ready(home: dict[str, str], *, misses: int = 0) -> None:
    """Make a store with Alice and her PIN, and some wrong answers."""
    guess = "; pincli verify alice --pin-stdin <<< 190562 > /dev/null"
    ran = bash(
        "pincli init && pincli user add alice --account acme"
        f" && pincli pin change alice --pin-stdin <<< 444159{guess * misses}",
        home,
    )
    assert ran.stderr == ""
