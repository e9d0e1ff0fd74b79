"""The desk in a terminal: starting it, and the steps of a call."""

from __future__ import annotations

import os
import re
import select
import sys
from pathlib import Path

from tests.support.desk import PROGRAM
from tests.support.driving import LONG_ENOUGH, ROOT
from tests.support.failpoints import Plan
from tests.support.tmux import Tmux

START = r"^ caller$"
PIN = r"^ PIN +[\u25cb_] "
OVER = r"^shift over .*\n(.*\n)*READY>"
FULL = r"^ PIN( +[\u25cf*]){6}$"


class Gate:
    """Two named pipes at which a driven desk waits; tmux hands no descriptors on.

    Attributes:
        path: What the pipes' names begin with.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate"
        for name in ("ready", "go"):
            os.mkfifo(f"{self.path}-{name}")
        self._ready, self._go = (
            os.open(f"{self.path}-{name}", os.O_RDWR) for name in ("ready", "go")
        )

    def await_pause(self) -> None:
        """Wait until the desk waits."""
        assert select.select([self._ready], [], [], LONG_ENOUGH)[0], "no pause was reached"
        os.read(self._ready, 1)

    def go_on(self) -> None:
        """Let it go on."""
        os.write(self._go, b".")

    def close(self) -> None:
        """Close the pipes."""
        os.close(self._ready)
        os.close(self._go)


def start_desk(agent: Tmux, *options: str) -> None:
    """Start the desk, and wait for its first question."""
    agent.line(*PROGRAM, "desk", *options)
    agent.wait_for(START)


def drive(
    agent: Tmux,
    plan: Plan | None = None,
    *,
    idle: float = 1000,
    bug: int = 0,
    gate: Gate | None = None,
    plain: bool = False,
) -> None:
    """Start the desk with failpoints; drive_desk.py says what else."""
    plan = plan or Plan()
    module = "tests.support.drive_desk"
    words = (plan.dump(), str(idle), str(bug), str(gate.path) if gate else "")
    options = ["--plain"] if plain else []
    agent.line("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", module, *words, *options)


def look_up(agent: Tmux, words: str) -> str:
    """Type a login, and wait for the PIN's question."""
    agent.type(words)
    agent.press("Enter")
    return agent.wait_for(PIN)


def answer(agent: Tmux, pin: str, verdict: str) -> str:
    """Type a PIN, wait for its marks, and then for the verdict."""
    agent.type(pin)
    agent.wait_for(FULL)
    agent.press("Enter")
    return agent.wait_for(verdict)


def end_shift(agent: Tmux) -> str:
    """End the shift; return the line that sums it up."""
    agent.press("C-d")
    found = re.search("^shift over.*$", agent.wait_for(OVER), re.MULTILINE)
    assert found is not None
    return found[0]
