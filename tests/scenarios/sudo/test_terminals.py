"""An agent at a terminal, by sudo: prompts, Ctrl-Z, stopped processes."""

from __future__ import annotations

import os
import pwd
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support.floor import RIGHT, WRONG
from tests.support.floor_of_agents import AMY, BEN, SERVICE, AgentFloor

pytestmark = pytest.mark.system

PROMPT = "Support PIN of alice, acme"
SHELL_PROMPT = "$ "


@pytest.fixture
def asked(floor: AgentFloor) -> Iterator[pexpect.spawn[str]]:
    """An agent's `sudo … pincli verify alice`, at its prompt."""
    terminal = floor.terminal(AMY, floor.sudo_line("verify", "alice"))
    terminal.expect_exact(PROMPT)
    yield terminal
    terminal.close(force=True)


@pytest.fixture
def shell(floor: AgentFloor) -> Iterator[pexpect.spawn[str]]:
    """The same, from a shell with job control."""
    terminal = floor.terminal(AMY, ["bash", "--norc", "--noprofile", "-i"])
    terminal.sendline(shlex.join(floor.sudo_line("verify", "alice")))
    terminal.expect_exact(PROMPT)
    yield terminal
    terminal.close(force=True)


def worker(terminal: pexpect.spawn[str]) -> int:
    """The process of the service account below a terminal's."""
    service = pwd.getpwnam(SERVICE).pw_uid
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int(
                entry.joinpath("stat").read_text().rsplit(")")[1].split()[1]
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
    for pid in parents:
        ancestor = pid
        while ancestor and ancestor != terminal.pid:
            ancestor = parents.get(ancestor, 0)
        if ancestor and Path(f"/proc/{pid}").stat().st_uid == service:
            return pid
    raise AssertionError(parents)


def others_go_on(floor: AgentFloor) -> None:
    """Fail unless another agent can verify the same user and others: a held lock is exit 8."""
    assert floor.verify(BEN, "alice", RIGHT).code == 0
    assert floor.verify(BEN, "alice", WRONG).code == 3
    assert floor.verify(BEN, "gus", RIGHT).code == 0


def test_the_prompt_takes_a_pin_unseen(floor: AgentFloor, asked: pexpect.spawn[str]) -> None:
    """A typed PIN verifies, and is not on the screen."""
    asked.sendline(RIGHT)
    asked.expect(pexpect.EOF)
    shown = asked.before or ""
    assert "VERIFIED" in shown
    assert "NOT VERIFIED" not in shown
    assert RIGHT not in shown
    asked.close()
    assert asked.exitstatus == 0
    assert floor.desk.events("alice")[-1].agent == AMY


def test_ctrl_z_at_the_prompt_blocks_nobody(floor: AgentFloor, shell: pexpect.spawn[str]) -> None:
    """A stopped prompt blocks nobody; after `fg` it takes the PIN without echo."""
    shell.send("\x1a")
    shell.expect_exact("Stopped")
    others_go_on(floor)
    shell.sendline("fg")
    shell.expect_exact(PROMPT)
    shell.sendline(RIGHT)
    shell.expect_exact("VERIFIED")
    assert RIGHT not in (shell.before or "")
    shell.expect_exact(SHELL_PROMPT)
    shell.sendline("echo code=$?")
    shell.expect_exact("code=0")


def test_a_process_stopped_for_good_blocks_nobody(
    floor: AgentFloor, asked: pexpect.spawn[str]
) -> None:
    """A process stopped for good, its terminal closed, blocks nobody."""
    stopped = worker(asked)
    os.kill(stopped, signal.SIGSTOP)
    try:
        others_go_on(floor)
        asked.close(force=True)
        assert floor.verify(BEN, "alice", RIGHT).code == 0
    finally:
        os.kill(stopped, signal.SIGKILL)


def test_nobody_stops_a_process_of_the_service_account(
    floor: AgentFloor, asked: pexpect.spawn[str]
) -> None:
    """Its own caller can't signal the service account's process."""
    victim = worker(asked)
    for login in (AMY, BEN):
        for name in ("STOP", "KILL", "TERM", "CONT"):
            assert floor.run(login, ["kill", f"-{name}", str(victim)]).code != 0
    asked.sendline(RIGHT)
    asked.expect_exact("VERIFIED")
