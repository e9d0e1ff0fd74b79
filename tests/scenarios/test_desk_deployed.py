"""The desk on a support floor: roles, and the hook that is told of locks."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from pincli.models import EventKind
from tests.support.at_the_desk import START, answer, drive, get_up, look_up
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
    """A plan for a desk that runs under sudo, by somebody with a role."""
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
    """Lock vera; the pipe whose opening lets the hook go on, and fail."""
    gate = folder / "waiting"
    os.mkfifo(gate)
    drive(agent, deployed(floor, "agent", sys.executable, "-c", WAITING, str(gate)))
    agent.wait_for(START)
    look_up(agent, "vera")
    answer(agent, WRONG, "has just been locked")
    return gate


def test_an_agent_may(floor: Desk, agent: Tmux) -> None:
    """As with `verify`."""
    drive(agent, deployed(floor, "agent"))
    agent.wait_for(START)
    look_up(agent, "alice")


def test_the_portal_may_not(floor: Desk, agent: Tmux) -> None:
    """Exit 7, said on the normal screen, and on record."""
    drive(agent, deployed(floor, "portal"))
    agent.wait_for("not run `pincli desk` here")
    (event,) = [each for each in floor.events() if each.outcome == "role"]
    assert (event.kind, event.command) == (EventKind.REFUSED, "desk")
    assert b"\x1b[?1049h" not in agent.sent


def test_the_hook_is_told_of_a_lock(floor: Desk, agent: Tmux, tmp_path: Path) -> None:
    """Once, with what `verify` would tell it, when the verdict is there."""
    note = tmp_path / "note"
    drive(agent, deployed(floor, "agent", sys.executable, "-c", NOTING, str(note)))
    agent.wait_for(START)
    look_up(agent, "vera")
    answer(agent, WRONG, "has just been locked")
    wait_until(lambda: note.exists() and note.read_text() != "", "the hook")
    told = json.loads(note.read_text())
    assert (told["event"], told["user"], told["locks_total"]) == ("locked", "vera", 1)
    get_up(agent)
    assert "warning" not in agent.screen


def test_a_slow_hook_holds_up_nobody(floor: Desk, agent: Tmux, tmp_path: Path) -> None:
    """While it runs the next call goes on; that it failed is said beside it, not in its way."""
    gate = lock_with_a_slow_hook(floor, agent, tmp_path)
    look_up(agent, "alice")
    with gate.open("w"):
        pass
    screen = agent.wait_for("the on_lock hook failed: it ended with 3")
    assert "alice, acme" in screen
    get_up(agent)


def test_a_hook_that_fails_after_the_shift_is_told(
    floor: Desk, agent: Tmux, tmp_path: Path
) -> None:
    """The shift's end waits for it, and says so on the normal screen."""
    gate = lock_with_a_slow_hook(floor, agent, tmp_path)
    agent.press("C-d")
    agent.wait_for("^shift over")
    with gate.open("w"):
        pass
    agent.wait_for("^pincli: warning: the on_lock hook failed: it ended with 3")
    agent.wait_for("^READY>")


def test_nobody_has_to_wait_for_a_hook(floor: Desk, agent: Tmux, tmp_path: Path) -> None:
    """Ctrl-C after the shift: the hook is given up, and that is said; the shift was in order."""
    lock_with_a_slow_hook(floor, agent, tmp_path)
    agent.press("C-d")
    agent.wait_for("^shift over")
    agent.press("C-c")
    agent.wait_for("the on_lock hook (was interrupted|failed)")
    agent.wait_for("^READY>")
    assert "Traceback" not in agent.screen


def test_a_hook_that_can_not_be_run_is_told(floor: Desk, agent: Tmux) -> None:
    """A program that is not there: a warning beside the verdict."""
    drive(agent, deployed(floor, "agent", "/nowhere/at/all"))
    agent.wait_for(START)
    look_up(agent, "vera")
    answer(agent, WRONG, "has just been locked")
    agent.wait_for("the on_lock hook failed: No such file")
    assert "NOT VERIFIED" in agent.screen
    get_up(agent)
