"""Every way to leave the desk restores the terminal, and settles what is charged."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pincli.models import EventKind
from tests.support.at_the_desk import (
    PIN,
    START,
    Gate,
    answer,
    drive,
    end_shift,
    look_up,
    start_desk,
)
from tests.support.desk import Desk
from tests.support.driving import count, nothing_impossible, wait_until
from tests.support.failpoints import Plan
from tests.support.floor import RIGHT
from tests.support.terminal import terminal
from tests.support.tmux import Tmux

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")

IN_FLIGHT = Plan(at=(("charged", "pause"),))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """The gate at which a driven desk waits."""
    opened = Gate(tmp_path)
    yield opened
    opened.close()


def settings(agent: Tmux) -> str:
    """The terminal's settings, by `stty -a`."""
    return subprocess.run(
        ["stty", "-a", "-F", agent.tty], capture_output=True, text=True, check=True
    ).stdout


def signal_desk(agent: Tmux, number: signal.Signals) -> None:
    """Send the desk itself a signal."""
    (pid,) = re.findall(r"\d+", agent.processes("desk"))[:1]
    subprocess.run(["kill", f"-{number.value}", pid], check=True)


def assert_restored(agent: Tmux, before: str) -> None:
    """Fail unless the terminal is as before, and shows nothing of a call."""
    agent.wait_for(r"READY>\s*\Z")  # not the one of the line that began the desk
    agent.line("echo", "here", "again")
    agent.wait_for("^here again$")
    assert settings(agent) == before
    assert not agent.alternate
    assert agent.sent.count(b"\x1b[?1049h") == agent.sent.count(b"\x1b[?1049l") > 0
    assert agent.sent.count(b"\x1b[?2004h") <= agent.sent.count(b"\x1b[?2004l")
    assert "alice, acme" not in agent.everything


def test_ctrl_d(agent: Tmux) -> None:
    """It works at either question, with something typed too."""
    before = settings(agent)
    start_desk(agent)
    assert settings(agent) != before
    assert agent.alternate
    agent.type("al")
    end_shift(agent)
    assert_restored(agent, before)
    start_desk(agent)
    look_up(agent, "alice")
    agent.type("444")
    end_shift(agent)
    assert_restored(agent, before)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_that_ends(floor: Desk, agent: Tmux, number: signal.Signals) -> None:
    """In the middle of the digits, the terminal is restored, and the view is recorded."""
    before = settings(agent)
    start_desk(agent)
    look_up(agent, "alice")
    agent.type("4441")
    agent.wait_for("\u25cf \u25cf \u25cf \u25cf")
    signal_desk(agent, number)
    assert_restored(agent, before)
    assert floor.events()[-1].kind is EventKind.VIEWED


def test_an_interrupt_from_elsewhere_cancels_the_call(agent: Tmux) -> None:
    """SIGINT does what Ctrl-C does: it ends the call, not the shift."""
    start_desk(agent)
    look_up(agent, "alice")
    signal_desk(agent, signal.SIGINT)
    agent.wait_for("cancelled")
    look_up(agent, "alice")


@pytest.mark.parametrize(
    ("options", "typed"),
    [([], ""), ([], "alice\r"), ([], "alice\r44"), (["--plain"], ""), (["--plain"], "alice\r44")],
)
def test_a_terminal_that_goes_away(floor: Desk, options: list[str], typed: str) -> None:
    """Exit 130 at any question, and no attempt is made."""
    with terminal(floor, "desk", *options) as gone:
        gone.wait_for("caller")
        gone.type(typed)
        if typed:
            gone.wait_for("PIN")
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, gone.child.child_fd)
        assert gone.child.wait() == 130
    assert (floor.events()[-1].kind is EventKind.VIEWED) is bool(typed)
    assert floor.user("alice").attempts_total == 0


def test_a_bug_restores_the_terminal(floor: Desk, agent: Tmux) -> None:
    """The agent reads on the normal screen that nobody is verified, and no traceback."""
    before = settings(agent)
    drive(agent, bug=6)
    agent.wait_for(START)
    look_up(agent, "alice")
    agent.type("44415")
    agent.wait_for("\u25cf \u25cf \u25cf \u25cf \u25cf")
    agent.type("9")
    agent.wait_for("not verified: this is a bug in pincli")
    assert_restored(agent, before)
    assert "Traceback" not in agent.everything
    assert "444159" not in agent.everything


@pytest.mark.parametrize("by", ["key", "signal"])
def test_stopped_and_continued(floor: Desk, agent: Tmux, by: str) -> None:
    """Ctrl-Z restores the terminal, `fg` takes it back, and the digits typed are forgotten."""
    before = settings(agent)
    start_desk(agent)
    look_up(agent, "alice")
    agent.type("4441")
    agent.wait_for("\u25cf \u25cf \u25cf \u25cf")
    if by == "key":
        agent.press("C-z")
    else:
        signal_desk(agent, signal.SIGTSTP)
    agent.wait_for("Stopped")
    assert_restored(agent, before)
    agent.line("fg")
    agent.wait_for(PIN)
    assert settings(agent) != before
    assert "\u25cf" not in agent.screen
    answer(agent, RIGHT, "\u2714  VERIFIED")
    end_shift(agent)
    assert_restored(agent, before)


def test_stopped_for_long(agent: Tmux) -> None:
    """If it is continued after the idle time, the caller's details are cleared."""
    drive(agent, idle=2.0)
    agent.wait_for(START)
    look_up(agent, "alice")
    agent.press("C-z")
    agent.wait_for("Stopped")
    agent.line("sleep", "2.1")
    agent.line("fg")
    agent.wait_for("Cleared")
    assert not re.search(PIN, agent.screen, re.MULTILINE)


def test_stopped_by_force(agent: Tmux) -> None:
    """After SIGSTOP and `stty sane`, `fg` makes the keys raw again."""
    before = settings(agent)
    start_desk(agent)
    look_up(agent, "alice")
    signal_desk(agent, signal.SIGSTOP)
    agent.wait_for("Stopped")
    agent.line("stty", "sane")
    agent.line("fg")
    wait_until(lambda: "-icanon" in settings(agent), "raw keys")  # the old screen is still shown
    agent.wait_for(PIN)
    answer(agent, RIGHT, "\u2714  VERIFIED")
    end_shift(agent)
    assert "isig" in before
    agent.wait_for("READY>")
    assert not agent.alternate


def pause_before_settle(agent: Tmux, gate: Gate) -> None:
    """Charge alice's right PIN, and wait just before its settle."""
    drive(agent, IN_FLIGHT, gate=gate)
    agent.wait_for(START)
    look_up(agent, "alice")
    agent.type(RIGHT)
    agent.press("Enter")
    gate.await_pause()


def test_keys_during_a_check_are_dropped(floor: Desk, agent: Tmux, gate: Gate) -> None:
    """Ctrl-C, Esc, Ctrl-D and digits don't take the verdict away."""
    pause_before_settle(agent, gate)
    agent.press("C-c", "Escape", "C-z", "C-d", "Enter")
    agent.type("777")
    signal_desk(agent, signal.SIGINT)
    gate.go_on()
    agent.wait_for("\u2714  VERIFIED")
    agent.type("a")
    agent.wait_for("^ caller +a$")
    end_shift(agent)
    assert count(floor.events("alice"), EventKind.VERIFIED) == 1
    assert b"777" not in agent.sent


def test_a_signal_that_ends_waits_for_the_settle(floor: Desk, agent: Tmux, gate: Gate) -> None:
    """The attempt is settled and the terminal restored before the process ends."""
    before = settings(agent)
    pause_before_settle(agent, gate)
    signal_desk(agent, signal.SIGTERM)
    gate.go_on()
    assert_restored(agent, before)
    assert floor.user("alice").attempt is None
    assert count(floor.events("alice"), EventKind.VERIFIED) == 1
    nothing_impossible(floor)


def test_a_stop_waits_for_the_settle(floor: Desk, agent: Tmux, gate: Gate) -> None:
    """The verdict is settled first, and shown after `fg`."""
    pause_before_settle(agent, gate)
    signal_desk(agent, signal.SIGTSTP)
    gate.go_on()
    agent.wait_for("Stopped")
    assert floor.user("alice").attempt is None
    agent.line("fg")
    agent.wait_for("\u2714  VERIFIED")
    end_shift(agent)
