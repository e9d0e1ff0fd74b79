"""`pincli demo`: the whole story, true and gone afterwards."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.support.desk import Desk

EXPECTED = [
    ("init", 0),
    *[("user add", 0)] * 5,
    ("verify", 5),
    ("pin show", 0),
    ("verify", 0),
    *[("verify", 3)] * 6,
    ("verify", 4),
    ("unlock", 0),
    ("verify", 0),
    ("reset", 0),
    ("verify", 5),
    ("pin show", 0),
    ("verify", 0),
    ("status", 0),
    ("audit list", 0),
]


def _name(command: str) -> str:
    words = command.split()
    return " ".join(words[1:3]) if words[1] in ("user", "pin", "audit") else words[1]


def test_the_story_is_told_step_by_step(desk: Desk) -> None:
    """Collected, verified, six misses, the right PIN refused, unlocked, verified, reset."""
    steps = desk.run("demo", "--json").answer["steps"]
    assert [(_name(step["command"]), step["exit_code"]) for step in steps] == EXPECTED


def test_the_pin_before_and_after_the_reset_differ(desk: Desk) -> None:
    """The PIN that the portal shows after the reset is another one."""
    steps = desk.run("demo", "--json").answer["steps"]
    shown = [re.findall(r'"pin": "(\d{6})"', step["output"]) for step in steps]
    first, second = [pins[0] for pins in shown if pins]
    assert first != second


def test_the_output_is_that_of_the_commands(desk: Desk) -> None:
    """On the terminal each step shows its command, the verdict and the exit code."""
    ran = desk.run("demo")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.out.count("\n$ pincli ") == len(EXPECTED)
    assert ran.out.count("[exit code 3]") == 6
    assert "NOT VERIFIED" in ran.out
    assert "has just been locked" in ran.out
    assert "pin_withdrawn" in ran.out


def test_nothing_is_left_behind_and_the_own_store_untouched(desk: Desk) -> None:
    """The throw-away store is gone, and the store that the environment names unchanged."""
    before = desk.database.read_bytes()
    ran = desk.run("demo")
    folder = re.search(r"throw-away store in (\S+)", ran.out)
    assert folder is not None
    assert Path(folder[1]).parent == Path(tempfile.gettempdir())
    assert not Path(folder[1]).exists()
    assert desk.database.read_bytes() == before
