"""`pincli demo`: the whole story, true and gone afterwards."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.support.contract import answer_of, call
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


def test_each_step_has_its_outcome(desk: Desk) -> None:
    """Collected, verified, six misses, the right PIN refused, unlocked, reset, another PIN."""
    steps = answer_of(call(desk, "demo --json"))["steps"]
    assert [(_name(step["command"]), step["exit_code"]) for step in steps] == EXPECTED
    shown = [re.findall(r'"pin": "(\d{6})"', step["output"]) for step in steps]
    first, second = [pins[0] for pins in shown if pins]
    assert first != second


def test_the_output_is_that_of_the_commands(desk: Desk) -> None:
    """Each step shows its command, the verdict and the exit code; no store is left behind."""
    before = desk.database.read_bytes()
    ran = desk.run("demo")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n$ pincli ") == len(EXPECTED)
    assert ran.out.count("[exit code 3]") == 6
    for text in ("NOT VERIFIED", "has just been locked", "pin_withdrawn"):
        assert text in ran.out
    folder = re.search(r"throw-away store in (\S+)", ran.out)
    assert folder is not None
    assert Path(folder[1]).parent == Path(tempfile.gettempdir())
    assert not Path(folder[1]).exists()
    assert desk.database.read_bytes() == before
