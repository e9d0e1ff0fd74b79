"""Run the desk as a test wants it: python -m tests.support.drive_desk PLAN IDLE BUG GATE.

PLAN holds failpoints; IDLE is the idle time in seconds; BUG is the number of digits at which
drawing fails, 0 for none; GATE is what the names of two pipes begin with, at which it waits, or
empty.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from typing import Any

from pincli.__main__ import main
from pincli.commands.desk import command
from pincli.config import Display
from pincli.views import desk as view
from tests.support.failpoints import Plan, install


def drive() -> None:
    """Take the test's own words off the command line, and run the desk."""
    text, idle, bug, gate = sys.argv[1:5]
    plan = Plan.load(text)
    if gate:
        ready, go = (os.open(f"{gate}-{name}", os.O_RDWR) for name in ("ready", "go"))
        plan = replace(plan, gate=(ready, go))
    install(plan)
    _replace(command, "hold_shift", partial(command.hold_shift, idle_seconds=float(idle)))
    if int(bug):
        _replace(view, "pin_marks", partial(_failing, view.pin_marks, int(bug)))
    sys.argv[:] = ["pincli", "desk", *sys.argv[5:]]
    main()


def _replace(owner: object, name: str, by: object) -> None:
    setattr(owner, name, by)


def _failing(marks: Any, bug: int, digits: int, display: Display) -> str:
    if digits == bug:
        raise RuntimeError(digits)
    return str(marks(digits, display))


if __name__ == "__main__":
    drive()
