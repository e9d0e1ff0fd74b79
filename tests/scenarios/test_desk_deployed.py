"""The desk on a support floor: roles, and the hook for locks."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.at_the_desk import START, answer, drive, end_shift, look_up
from tests.support.desk import Desk
from tests.support.driving import wait_until
from tests.support.failpoints import Plan
from tests.support.floor import WRONG
from tests.support.tmux import Tmux

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")

ME = pwd.getpwuid(os.getuid()).pw_name
NOTING = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
WAITING = "import os, sys; sys.stdin.read(); open(sys.argv[1]).read(); sys.exit(3)"


def deployed(floor: Desk, role: str, *hook: str) -> Plan:
    """A plan for a desk that somebody with a role runs under sudo."""
    path = floor.store.parent / "pincli.toml"
    lines = [
        f'store = "{floor.store}"',
        f'keys = "{floor.keys}"',
        f'[roles]\n{role} = ["{ME}"]',
        f"[hooks]\non_lock = {json.dumps(hook)}",
    ]
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o644)
    return Plan(deployment=str(path))


def lock_with_a_slow_hook(floor: Desk, agent: Tmux, folder: Path) -> Path:
    """Lock vera; return the pipe that lets the hook go on, and fail, once it is opened."""
    gate = folder / "waiting"
    os.mkfifo(gate)
    drive(agent, deployed(floor, "agent", sys.executable, "-c", WAITING, str(gate)))
    agent.wait_for(START)
    look_up(agent, "vera")
    answer(agent, WRONG, "has just been locked")
    return gate


def test_the_hook_runs_once_for_a_lock(floor: Desk, agent: Tmux, tmp_path: Path) -> None:
    """It gets the same JSON as from `verify`."""
    note = tmp_path / "note"
    drive(agent, deployed(floor, "agent", sys.executable, "-c", NOTING, str(note)))
    agent.wait_for(START)
    look_up(agent, "vera")
    answer(agent, WRONG, "has just been locked")
    wait_until(lambda: note.exists() and note.read_text() != "", "the hook")
    event = json.loads(note.read_text())
    assert (event["event"], event["user"], event["locks_total"]) == ("locked", "vera", 1)
    end_shift(agent)
    assert "warning" not in agent.screen


def test_a_slow_hook_holds_up_nobody(floor: Desk, agent: Tmux, tmp_path: Path) -> None:
    """The next call goes on while it runs, and a failure is shown below its card."""
    gate = lock_with_a_slow_hook(floor, agent, tmp_path)
    look_up(agent, "alice")
    with gate.open("w"):
        pass
    screen = agent.wait_for("the on_lock hook failed: it ended with 3")
    assert "alice, acme" in screen
    end_shift(agent)


def test_a_hook_that_fails_after_the_shift(floor: Desk, agent: Tmux, tmp_path: Path) -> None:
    """The desk waits for it, and shows the failure on the normal screen."""
    gate = lock_with_a_slow_hook(floor, agent, tmp_path)
    agent.press("C-d")
    agent.wait_for("^shift over")
    with gate.open("w"):
        pass
    agent.wait_for("^pincli: warning: the on_lock hook failed: it ended with 3")
    agent.wait_for("^READY>")


def test_nobody_has_to_wait_for_a_hook(floor: Desk, agent: Tmux, tmp_path: Path) -> None:
    """Ctrl-C after the shift gives the hook up, with a warning."""
    gate = lock_with_a_slow_hook(floor, agent, tmp_path)
    agent.press("C-d")
    agent.wait_for("^shift over")
    agent.press("C-c")
    agent.wait_for("the on_lock hook (was interrupted|failed)")
    agent.wait_for("^READY>")
    assert "Traceback" not in agent.screen
    with suppress(OSError):  # Nobody ends a hook that was given up: it would wait for ever.
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
