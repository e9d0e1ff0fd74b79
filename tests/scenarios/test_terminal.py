"""An agent at a real terminal: prompts that don't echo, verdicts that fit, keys that interrupt."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.contract import call
from tests.support.desk import PROGRAM, Desk
from tests.support.driving import LONG_ENOUGH, wait_until
from tests.support.floor import RIGHT, WRONG, content
from tests.support.terminal import any_terminal, plain, terminal
from tests.support.tmux import Tmux

PROMPT = "Support PIN of alice, acme (Alice): "
CTRL_C, CTRL_D, CTRL_Q, CTRL_S, CTRL_Z = "\x03", "\x04", "\x11", "\x13", "\x1a"
UNLOCK = "log in to the portal, User Management, Unlock"

SHELLS = {"bash": ["--norc", "--noprofile", "--noediting", "-i"], "dash": ["-i"]}
# The prompt.


def test_the_prompt_says_who_it_is_about_and_shows_no_digit(floor: Desk) -> None:
    """The prompt has login, account and name, and echoes no digit."""
    with terminal(floor, "verify", "alice") as agent:
        agent.wait_for(PROMPT)
        assert not agent.echoes
        agent.type(f"{RIGHT}\r")
        code = agent.end()
    assert code == 0
    assert "\u2714 VERIFIED" in agent.text
    assert not set(RIGHT) & set(agent.text.replace("6 of 6 left", ""))


def test_a_wrong_pin_is_not_verified(floor: Desk) -> None:
    """A wrong PIN is exit 3: verdict, user, attempts left, what to say; no digit is echoed."""
    with terminal(floor, "verify", "alice") as agent:
        agent.wait_for(PROMPT)
        agent.type("999888\r")
        code = agent.end()
        assert agent.echoes
    lines = agent.text.splitlines()[1:]
    assert code == 3
    assert lines[0] == "\u2718 NOT VERIFIED"
    assert lines[1].split() == ["user", "alice,", "acme"]
    assert "5 of 6 left" in agent.words
    assert "say" in agent.words
    assert b"9" not in agent.raw
    assert b"8" not in agent.raw


def test_digits_typed_ahead_are_dropped(floor: Desk) -> None:
    """Digits typed before the prompt are dropped, since the terminal echoed them."""
    with terminal(floor, "verify", "alice") as agent:
        agent.type(f"{WRONG}\r")
        agent.wait_for(WRONG)  # the terminal's echo: it was typed before the echo went off
        agent.wait_for(PROMPT)
        shown = len(agent.raw)
        agent.type(f"{RIGHT}\r")
        code = agent.end()
    assert code == 0
    assert not set(WRONG) & set(plain(agent.raw[shown:]))
    assert floor.user("alice").attempts_total == 1


@pytest.mark.parametrize("slip", ["12345", "", "\uff11\uff12\uff13456"])
def test_a_slip_is_asked_again_and_not_charged(floor: Desk, slip: str) -> None:
    """Anything but six digits is asked again; only the next answer counts."""
    with terminal(floor, "verify", "vera") as agent:
        agent.wait_for("vera, acme (Vera): ")
        agent.type(f"{slip}\r")
        shown = agent.wait_for("vera, acme (Vera): ")
        assert "not an attempt" in shown
        assert floor.user("vera").attempts_total == 5
        agent.type(f"{RIGHT[:3]} {RIGHT[3:]}\r")
        assert agent.end() == 0
    assert floor.user("vera").attempts_total == 6


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ("verify lara", 4, UNLOCK),
        ("verify uma", 5, "pincli pin show uma"),
        ("verify ina", 5, "deactivated"),
        ("verify otto", 5, "cloud-office"),
        ("verify alcie", 6, "hint: did you mean alice?"),
        ("pin change lara", 7, "locked"),
        ("unlock alice", 7, "not locked"),
        ("lock nobody", 6, "unknown user"),
    ],
)
def test_nothing_is_asked_for_a_command_that_will_be_refused(
    floor: Desk, words: str, code: int, text: str
) -> None:
    """A command that will be refused asks for neither PIN nor reason."""
    with terminal(floor, *words.split()) as agent:
        assert agent.end() == code
    assert text in agent.words
    assert ("\u2718 NOT VERIFIED" in agent.text) is (code in (4, 5))
    assert "PIN of" not in agent.text
    assert "Reason" not in agent.text


# Interrupting.


@pytest.mark.parametrize(
    ("words", "question", "key"),
    [
        ("verify alice", PROMPT, CTRL_C),
        ("verify alice", PROMPT, CTRL_D),
        ("pin change alice", "New support PIN of alice: ", CTRL_C),
        ("pin check", "PIN to check: ", CTRL_D),
        ("unlock lara", "Reason for unlocking lara: ", CTRL_C),
        ("unlock lara", "Reason for unlocking lara: ", CTRL_D),
        ("reset alice", "[y/N] ", CTRL_D),
        ("user erase ina", "[y/N] ", CTRL_C),
    ],
)
def test_a_prompt_can_be_left(floor: Desk, words: str, question: str, key: str) -> None:
    """Exit 130 with the error on a line of its own, echo on again, nothing changed."""
    before = content(floor.store)
    with terminal(floor, *words.split()) as agent:
        agent.wait_for(question)
        agent.type(key)
        code = agent.end()
        assert agent.echoes
    assert code == 130
    assert "\npincli: error: " in agent.text
    assert "interrupted" in agent.text
    assert "Traceback" not in agent.text
    assert content(floor.store) == before


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_a_prompt_left_in_json_is_one_object(floor: Desk, tmp_path: Path, key: str) -> None:
    """With --json the questions go to the terminal, and stdout gets the error alone."""
    target = tmp_path / "answer"
    line = f"exec {shlex.join([*PROGRAM, 'verify', 'alice', '--json'])} >{target}"
    with any_terminal(["sh", "-c", line], floor.environment()) as agent:
        agent.wait_for(PROMPT)
        agent.type(key)
        assert agent.end() == 130
    (answer,) = target.read_text(encoding="ascii").splitlines()
    assert '"code": "interrupted"' in answer


def test_ctrl_c_in_the_middle_of_the_digits(floor: Desk) -> None:
    """Ctrl-C in the middle of the digits shows and charges nothing."""
    with terminal(floor, "verify", "alice") as agent:
        agent.wait_for(PROMPT)
        agent.type(f"999{CTRL_C}")
        assert agent.end() == 130
        assert agent.echoes
    assert b"9" not in agent.raw
    assert floor.user("alice").attempts_total == 0


@pytest.mark.parametrize(
    ("words", "question", "number"),
    [
        ("verify alice", PROMPT, signal.SIGHUP),
        ("verify alice", PROMPT, signal.SIGTERM),
        ("pin change alice", "New support PIN of alice: ", signal.SIGINT),
    ],
)
def test_a_signal_at_the_prompt_turns_the_echo_on(
    floor: Desk, words: str, question: str, number: signal.Signals
) -> None:
    """A signal at a hidden prompt turns the echo on again."""
    with terminal(floor, *words.split()) as agent:
        agent.wait_for(question)
        assert not agent.echoes
        agent.signal(number)
        code = agent.end()
        assert agent.echoes
    assert code == (130 if number is signal.SIGINT else -number)
    assert "Traceback" not in agent.text


@pytest.mark.parametrize("shell", SHELLS)
def test_stopped_and_continued_the_prompt_still_hides(floor: Desk, shell: str) -> None:
    """Ctrl-Z: the shell echoes. `fg`: asked again with the echo off, and the PIN works."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    env = floor.environment(PS1="READY> ", ENV="")
    with any_terminal([shell, *SHELLS[shell]], env) as agent:
        agent.wait_for("READY> ")
        agent.type(f"{shlex.join([*PROGRAM, 'verify', 'alice'])}\r")
        agent.wait_for(PROMPT)
        agent.type(f"99{CTRL_Z}")
        agent.wait_for("READY> ")
        assert agent.echoes
        agent.type("fg\r")
        agent.wait_for(PROMPT)
        assert not agent.echoes
        agent.type(f"{RIGHT}\r")
        shown = agent.wait_for("READY> ")
        agent.type("echo code $?\r")
        agent.wait_for("code 0")
        assert agent.echoes
    assert "\u2714 VERIFIED" in shown
    assert RIGHT not in agent.text
    assert b"99" not in agent.raw


def test_continued_by_a_signal_the_question_is_asked_again(floor: Desk) -> None:
    """After SIGSTOP and SIGCONT the question is asked again with the echo off."""
    with terminal(floor, "verify", "alice") as agent:
        agent.wait_for(PROMPT)
        agent.signal(signal.SIGSTOP)
        agent.child.setecho(True)
        agent.signal(signal.SIGCONT)
        agent.wait_for(PROMPT)
        assert not agent.echoes
        agent.type(f"{RIGHT}\r")
        assert agent.end() == 0
    assert RIGHT not in agent.text


def test_stopped_while_the_question_is_written_it_is_asked_again(floor: Desk) -> None:
    """Twelve SIGSTOPs and SIGCONTs in a write held by Ctrl-S: the question is asked again."""
    with terminal(floor, "verify", "alice", env={"PYTHONUNBUFFERED": ""}) as agent:
        assert agent.child.pid is not None
        held = partial(_writes_to_stderr, agent.child.pid)
        agent.type(CTRL_S)
        wait_until(held, "the question to be written")
        for _ in range(12):
            agent.signal(signal.SIGSTOP)
            agent.signal(signal.SIGCONT)
            wait_until(held, "the question once more")
        agent.type(CTRL_Q)
        for _ in range(2):
            agent.wait_for(PROMPT)
        wait_until(lambda: not held(), "an end of it")
        assert not agent.echoes
        agent.type(f"{RIGHT}\r")
        assert agent.end() == 0
    assert RIGHT not in agent.text


def _writes_to_stderr(pid: int) -> bool:
    """Whether a process is in a write to its stderr; the call's number depends on the machine."""
    return Path(f"/proc/{pid}/syscall").read_text().startswith(("1 0x2 ", "64 0x2 "))


@pytest.mark.parametrize(
    ("words", "question", "ignored"),
    [
        ("verify alice", PROMPT, False),
        ("verify alice", PROMPT, True),
        ("unlock lara", "Reason for unlocking lara: ", True),
        ("reset alice", "[y/N] ", False),
        ("desk", "end shift", False),
        ("desk", "end shift", True),
        ("desk --plain", "caller: ", True),
    ],
)
def test_a_closed_window_is_an_interrupt(
    floor: Desk, words: str, question: str, ignored: bool
) -> None:
    """A window closed at a prompt is exit 130, and nothing is changed."""
    action = "''" if ignored else "-"
    window, end = os.openpty()
    name = os.ttyname(end)
    # The first terminal that the leader of a session opens is the one that it is told of.
    line = f"{shlex.join(PROGRAM)} {words} <{name} >{name} 2>&1"
    with subprocess.Popen(
        ["sh", "-c", f"trap {action} HUP; exec {line}"],
        env=floor.environment(),
        start_new_session=True,
    ) as agent:
        seen = b""
        while question.encode() not in seen:
            assert select.select([window], [], [], LONG_ENOUGH)[0], seen
            seen += os.read(window, 4096)
        before = content(floor.store)
        os.close(end)
        os.close(window)
        assert agent.wait(20) == 130
    assert content(floor.store) == before


# The other prompts.


def test_a_change_asks_twice(floor: Desk) -> None:
    """A new PIN is asked for twice without echo, and verifies."""
    with terminal(floor, "pin", "change", "alice") as customer:
        customer.wait_for("New support PIN of alice: ")
        customer.type("933797\r")
        customer.wait_for("The same again: ")
        assert not customer.echoes
        customer.type("933797\r")
        assert customer.end() == 0
    assert re.search(r"\d", customer.text) is None
    assert floor.run("verify", "alice", "--pin-stdin", stdin="933797\n").code == 0


def test_a_change_that_differs_changes_nothing(floor: Desk) -> None:
    """Two different new PINs are exit 2; nothing is changed or shown."""
    before = content(floor.store)
    with terminal(floor, "pin", "change", "alice") as customer:
        customer.wait_for("New support PIN of alice: ")
        customer.type("933797\r")
        customer.wait_for("The same again: ")
        customer.type("933799\r")
        assert customer.end() == 2
    assert "differ" in customer.text
    assert re.search(r"\d", customer.text) is None
    assert content(floor.store) == before


def test_a_check_tells_the_rule(floor: Desk) -> None:
    """`pin check` asks without echo and names the broken rule."""
    with terminal(floor, "pin", "check") as customer:
        customer.wait_for("PIN to check: ")
        assert not customer.echoes
        customer.type("999912\r")
        assert customer.end() == 7
    assert "equal digits in a row" in customer.text
    assert b"9" not in customer.raw


@pytest.mark.parametrize(
    ("command", "user", "misses"), [("unlock", "lara", 0), ("lock", "alice", 6)]
)
def test_a_reason_is_asked_for(floor: Desk, command: str, user: str, misses: int) -> None:
    """It is echoed while it is typed, then on record, with six digits masked."""
    with terminal(floor, command, user) as admin:
        admin.wait_for(f"Reason for {command}ing {user}: ")
        assert admin.echoes
        admin.type("a call, said 444159\r")
        assert admin.end() == 0
    assert f"{command}ed" in admin.text
    assert floor.user(user).failed_attempts == misses
    assert floor.events(user)[-1].reason == "a call, said ******"


def test_an_erasure_goes_on_after_a_clear_yes(floor: Desk) -> None:
    """An erasure first shows the user, then what remains."""
    with terminal(floor, "user", "erase", "ina") as admin:
        assert "ina, acme" in admin.wait_for("[y/N] ")
        admin.type("y\r")
        assert admin.end() == 0
    assert "what remains" in admin.text
    assert call(floor, "status ina").code == 6
    (erased,) = set(re.findall("erased-[0-9a-f]{32}", admin.text))
    assert call(floor, f"audit list --user {erased}").out.count("\n") > 1
    assert call(floor, "complete -- verify e").out == ""


# Ctrl-C before anything is asked.


def in_status(process: int, field: str, base: int) -> int:
    """A number from /proc/PID/status."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(rf"^{field}:\t([0-9a-f]+)$", status, re.MULTILINE)
    assert found is not None
    return int(found[1], base)


def wait_until_pincli_runs(process: subprocess.Popen[bytes]) -> None:
    """Wait until pincli has SIGINT in hand.

    Python itself catches SIGINT while it starts, before a line of pincli runs, and says so
    with a traceback. pincli's first acts are to set the umask and then to undo that; the
    root command catches SIGINT again, so that on a busy machine the time between may be missed.
    """
    sigint = 1 << (signal.SIGINT - 1)
    started = time.monotonic()
    while in_status(process.pid, "Umask", 8) != 0o077:
        assert process.poll() is None
        assert time.monotonic() < started + 20
    seen = time.monotonic()
    while in_status(process.pid, "SigCgt", 16) & sigint and time.monotonic() < seen + 0.05:
        assert process.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("milliseconds", [0, 5, 20, 45, 80, 125])
def test_an_interrupt_during_the_start_is_quiet(floor: Desk, milliseconds: int) -> None:
    """Ctrl-C during the start ends pincli without a traceback."""
    umask = os.umask(0o022)
    try:
        process = floor.start("verify", "alice", "--pin-stdin")
    finally:
        os.umask(umask)
    with process:
        wait_until_pincli_runs(process)
        time.sleep(milliseconds / 1000)  # this is what is tested: any moment
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode in (130, -signal.SIGINT)
    assert out == b""
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err
    assert floor.user("alice").attempts_total == 0


# In tmux, as a support floor would.


def test_a_whole_call_in_tmux(floor: Desk, agent: Tmux) -> None:
    """A slip, a miss and the right PIN on an 80x24 screen."""
    prompt = re.escape(PROMPT.rstrip())
    agent.type(f"alias pincli={shlex.quote(shlex.join(PROGRAM))}; clear\n")
    agent.wait_for(r"\AREADY>\s*\Z")
    agent.type("pincli verify alice\n")
    agent.wait_for(prompt)
    agent.type("99988\n")
    agent.wait_for(rf"not an attempt\.\s+{prompt}")
    agent.type("999888\n")
    agent.wait_for(r"\u2718 NOT VERIFIED[\s\S]*5 of 6 left[\s\S]*READY>")
    agent.type("clear\n")
    agent.wait_for(r"\AREADY>\s*\Z")
    agent.type("pincli verify alice; echo code $?\n")
    agent.wait_for(prompt)
    agent.type(f"{RIGHT}\n")
    screen = agent.wait_for(r"code \d+\s+READY>")
    lines = [line for line in screen.splitlines() if line.strip()]
    assert lines[0] == "READY> pincli verify alice; echo code $?"
    assert lines[1] == PROMPT.rstrip()
    assert lines[2] == "\u2714 VERIFIED"
    assert lines[3].split() == ["user", "alice,", "acme"]
    assert lines[-2:] == ["code 0", "READY>"]
    assert RIGHT not in screen
