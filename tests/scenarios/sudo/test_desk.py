"""A shift at the desk with sudo between the agent and pincli."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pexpect
import pytest

from tests.support.floor import RIGHT
from tests.support.floor_of_agents import AMY, BEN, EVE, AgentFloor

pytestmark = pytest.mark.system

READY = "READY> "


@pytest.fixture
def shell(floor: AgentFloor) -> Iterator[pexpect.spawn[str]]:
    """An agent's shell, with job control."""
    terminal = floor.terminal(AMY, ["bash", "--norc", "--noprofile", "--noediting", "-i"])
    terminal.sendline("PS1='READY'; PS1+='> '; stty -a >~/before")
    terminal.expect_exact(READY)
    yield terminal
    terminal.close(force=True)


def test_a_shift_by_sudo(floor: AgentFloor, shell: pexpect.spawn[str]) -> None:
    """A call with Ctrl-Z and `fg` works by sudo as without."""
    shell.sendline(shlex.join(floor.sudo_line("desk")))
    shell.expect_exact("company")
    shell.send("alice T-1\r")
    shell.expect_exact("attempts")
    shell.send("444\x1a")
    shell.expect_exact("Stopped")
    shell.expect_exact(READY)
    assert floor.verify(BEN, "alice", RIGHT).code == 0
    shell.sendline("fg")
    shell.expect_exact("attempts")
    shell.send(f"{RIGHT}\r")
    shell.expect_exact("VERIFIED")
    shell.send("\x04")
    shell.expect_exact("1 call: 1 verified")
    shell.expect_exact(READY)
    shell.sendline("stty -a | diff ~/before - && echo as''before")
    shell.expect_exact("asbefore")
    (*_, attempt, verified) = floor.desk.events("alice")
    assert {(each.agent, each.command) for each in (attempt, verified)} == {(AMY, "desk")}


def test_no_desk_without_a_role(floor: AgentFloor) -> None:
    """Without a role the desk is exit 7, and an event."""
    terminal = floor.terminal(EVE, floor.sudo_line("desk"))
    terminal.expect_exact("you may not run `pincli desk` here")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 7
    assert (EVE, "desk") in floor.refusals()
