"""The README: every command in it works, and every output in it is real."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pexpect
import pytest

from pincli.models import EventKind, NewEvent
from pincli.operations.session import Need
from tests.support.desk import Desk
from tests.support.tmux import tmux

_WHOLE = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
_BEFORE, _, _REST = _WHOLE.partition("## Many hosts\n")
MANY_HOSTS, _, _AFTER = _REST.partition("\n## ")
"""The chapter that test_readme_hosts.py follows."""
README = f"{_BEFORE}## {_AFTER}"
_FENCES = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"(just now|\d+ min ago) \(\d\d:\d\d:\d\d\)")
_AS_ROOT = "useradd"
_ELSEWHERE = "venv"  # run by CI itself, as it stands there


def blocks(text: str, language: str) -> list[str]:
    """The blocks of that language in a part of the README."""
    return [body for name, body in _FENCES.findall(text) if name == language]


def _blocks(language: str) -> list[str]:
    return blocks(README, language)


def _runnable(lines: list[str]) -> list[str]:
    """The lines that this machine has the programs for; CI has jq."""
    return [line for line in lines if "jq " not in line or shutil.which("jq")]


def _commands(block: str) -> list[str]:
    return [line for line in block.splitlines() if line]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who just installed pincli: an empty home, it in the PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    pincli = programs / "pincli"
    pincli.write_text(f'#!/bin/sh\nexec {sys.executable} -m pincli "$@"\n')
    pincli.chmod(0o755)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    root = Path(__file__).parent.parent
    return {
        "HOME": str(folder),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(root),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
    }


def _bash(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_call_is_told_with_real_output(home: dict[str, str]) -> None:
    """The console blocks, run in order in one home, print what stands under each command."""
    steps: list[tuple[str, list[str]]] = []
    for line in "".join(_blocks("console")).splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    assert len(steps) > 8
    for command, expected in steps:
        ran = _bash(command, home)
        printed = ran.stdout.replace(home["HOME"], "~")
        assert ran.stderr == "", command
        assert _TIME.sub("T", printed).splitlines() == [_TIME.sub("T", e) for e in expected], (
            command
        )


def test_the_first_user_by_hand_in_five_lines(home: dict[str, str]) -> None:
    """The five lines, typed one after the other, end with Alice verified and shown."""
    (block,) = [b for b in _blocks("sh") if "pincli init" in b and "pin show" in b]
    lines = _commands(block)
    assert len(lines) == 5
    outputs: list[str] = []
    for line in lines:
        terminal = pexpect.spawn(
            "bash", ["-c", line], env=home, cwd=home["HOME"], encoding="utf-8", timeout=30
        )
        if line == "pincli verify alice":
            terminal.expect_exact("Support PIN of alice, acme (Alice Example): ")
            pin = re.search(r"\d{6}", outputs[2])
            assert pin is not None
            terminal.sendline(pin[0])
        outputs.append(terminal.read())
        terminal.close()
        assert terminal.exitstatus == 0, (line, outputs[-1])
    assert "VERIFIED" in outputs[3]
    assert "NOT" not in outputs[3]
    assert "active" in outputs[4]


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_the_screens_of_the_desk_are_real(home: dict[str, str], tmp_path: Path) -> None:
    """The pictures of a shift are what a terminal of 80 columns shows on the way."""
    listed, asked, verified = (block.rstrip() for block in _blocks("text"))
    ready = _bash(
        "pincli init && pincli user add alice --account acme --name 'Alice Example'"
        " && pincli pin change alice --pin-stdin <<< 444159"
        " && pincli user add alice.smith --account acme --name 'Alice Smith'"
        " && pincli pin show alice.smith"
        " && pincli user add asmith --account globex --name 'Alice Smith'"
        " && pincli verify alice --pin-stdin <<< 444159",
        home,
    )
    assert ready.returncode == 0, ready.stderr
    with tmux(home, tmp_path) as agent:
        agent.line("pincli", "desk")
        agent.wait_for("^ caller$")
        agent.type("smith T-4711")
        agent.press("Enter")
        agent.wait_for("2 people fit")
        assert _as_told(agent.screen) == _as_told(listed)
        agent.press("Escape")
        agent.wait_for("^ caller$")
        agent.type("alice T-4711")
        agent.press("Enter")
        agent.wait_for("ticket")
        agent.type("444")
        agent.wait_for("(\u25cf ){3}\u25cb")
        assert _as_told(agent.screen) == _as_told(asked)
        agent.type("159")
        agent.press("Enter")
        agent.wait_for("VERIFIED")
        assert _as_told(agent.screen) == _as_told(verified)


def _as_told(screen: str) -> str:
    """A picture without its keys at the bottom, who the agent was, and when."""
    above = re.split(r"\n (?:Enter|Up/Down) ", screen)[0].rstrip()
    return re.sub(r"T by \S+", "T", _TIME.sub("T", above))


def test_every_other_command_works(home: dict[str, str]) -> None:
    """Each line of the other blocks ends with 0, on a store with Alice in it."""
    ready = _bash(
        "pincli init && pincli user add alice --account acme && pincli pin show alice", home
    )
    assert ready.returncode == 0, ready.stderr
    lines = [
        line
        for block in _blocks("sh")
        if _AS_ROOT not in block and _ELSEWHERE not in block and "pincli init" not in block
        for line in _commands(block)
    ]
    assert len(lines) > 10
    (Path(home["HOME"]) / ".man").mkdir()
    _put_sample(home)
    for line in _runnable(lines):
        ran = _bash(f"set -o pipefail; {line}", home)
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)


def _put_sample(home: dict[str, str]) -> None:
    (sample,) = _blocks("csv")
    (Path(home["HOME"]) / "export.csv").write_text(sample, encoding="utf-8")


def test_the_sample_is_imported_alike_by_profile_and_by_mapping(home: dict[str, str]) -> None:
    """The first line adds the people of the sample, and after it the second changes nothing."""
    _put_sample(home)
    lines = [each for block in _blocks("sh") for each in _commands(block) if "--map" in each]
    by_profile = "pincli import export.csv --profile entra --account acme"
    assert by_profile in README
    ran = _bash(f"pincli init >&2; {by_profile} --json; {lines[0]} --json", home)
    first, second = (json.loads(line) for line in ran.stdout.splitlines())
    assert (first["added"], second["unchanged"], second["rows"]) == (2, 2, 2)


def test_every_command_stands_in_the_table() -> None:
    """The table of commands names each command that the help shows."""
    from pincli.commands.registry import words_below

    table = README.partition("## Commands")[2].partition("##")[0]
    for command in words_below("", hidden=False):
        assert re.search(rf"`{command}\b", table), command


def test_the_exit_codes_are_those_of_the_code() -> None:
    """The table of exit codes has each of the enum's numbers, in its words, and no other."""
    from pincli.views.exit_codes import ExitCode

    table = README.partition("## Exit codes")[2].partition("With `--json`")[0]
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", table.replace("`", ""), re.MULTILINE)
    assert [(int(number), words) for number, words in rows] == [
        (code, code.meaning) for code in ExitCode
    ]


def _ready(home: dict[str, str], *, misses: int = 0) -> None:
    """A store with Alice and her PIN, and some wrong answers."""
    guess = "; pincli verify alice --pin-stdin <<< 190562 > /dev/null"
    ready = _bash(
        "pincli init && pincli user add alice --account acme"
        f" && pincli pin change alice --pin-stdin <<< 444159{guess * misses}",
        home,
    )
    assert ready.stderr == ""


def test_every_event_is_shipped_exactly_once(home: dict[str, str]) -> None:
    """Whatever is killed or full, two at once, after a rotation: none is lost or doubled."""
    (script,) = [block for block in _blocks("bash") if "pincli-ship" in block]
    ship = Path(home["HOME"]) / "pincli-ship"
    ship.write_text(script)
    ship.chmod(0o755)
    assert _bash("pincli init", home).returncode == 0
    folder = Path(home["HOME"])
    desk = Desk(folder / ".local/share/pincli", folder / ".config/pincli")
    told = NewEvent(EventKind.REFUSED, name="n" * 60, outcome="unknown_user")
    with desk.session(Need.WRITE) as session:
        session.store.write(lambda transaction: transaction.save([told] * 3000))
    shipped = folder / "trail.jsonl"
    assert _bash("ulimit -f 100; ./pincli-ship trail.jsonl", home).returncode != 0
    assert not shipped.read_bytes().endswith(b"\n")
    for _ in range(3):
        begun = shipped.stat().st_size
        with subprocess.Popen([ship, shipped], env=home, start_new_session=True) as process:
            while process.poll() is None and shipped.stat().st_size <= begun:
                pass
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        shipped.write_bytes(shipped.read_bytes()[:-100])  # as a crash of the machine leaves it
    shipped.rename(folder / "trail.jsonl.1")
    assert _bash("./pincli-ship trail.jsonl & ./pincli-ship trail.jsonl; wait", home).stderr == ""
    more = "pincli user add alice --account acme && ./pincli-ship trail.jsonl"
    assert _bash(more, home).returncode == 0
    lines = (folder / "trail.jsonl.1").read_text() + shipped.read_text()
    numbers = [json.loads(line)["seq"] for line in lines.splitlines()]
    (last,) = desk.sql("SELECT max(number) FROM trail")[0]
    assert numbers == [*range(1, last + 1)]


def test_the_crontab_mails_only_what_is_to_be_done(home: dict[str, str]) -> None:
    """Each line, by cron's shell: silent when all is well, and it tells of a lost store."""
    (block,) = _blocks("crontab")
    settings = dict(line.split("=", 1) for line in block.splitlines() if re.match("[A-Z_]+=", line))
    jobs = [line.split(maxsplit=5)[5] for line in block.splitlines() if re.match(r"\d", line)]
    assert set(settings) == {"PINCLI_STORE", "PINCLI_KEYS", "PATH"}
    assert len(jobs) == 6
    _ready(home)
    (Path(home["HOME"]) / "backups").mkdir()
    for lost in (False, True):
        if lost:
            shutil.rmtree(Path(home["HOME"]) / ".local/share/pincli")
        for job in jobs:
            assert "%" not in job.replace("\\%", ""), "cron ends a line there"
            ran = subprocess.run(
                ["sh", "-c", job.replace("\\%", "%")], env=home, capture_output=True, check=False
            )
            tells = lost and not job.startswith("find ")
            assert bool(ran.stdout + ran.stderr) is tells, (job, ran)


def test_the_workflow_s_steps_work(home: dict[str, str]) -> None:
    """Each step, run here without sudo, ends with 0; the first with 4 if there are signs."""
    (block,) = _blocks("yaml")
    prefix = "sudo -n -u pincli /opt/pincli/bin/"
    steps = re.findall(r"^ +run: (.*)$", block, re.MULTILINE)
    assert len(steps) == 2
    assert all(step.startswith(prefix) for step in steps)
    _ready(home)
    for step in _runnable(steps):
        assert _bash(step.removeprefix(prefix), home).returncode == 0, step
    locking = "pincli verify alice --pin-stdin <<< 190562; "
    unlocking = "pincli unlock alice --reason why; "
    _bash((locking * 6 + unlocking) * 2, home)
    assert _bash(steps[0].removeprefix(prefix), home).returncode == 4


def test_the_portal_s_functions_work(home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python for a portal, as it stands there but for sudo: each function, each way it ends."""
    (block,) = _blocks("python")
    portal: dict[str, Any] = {}
    exec(block, portal)  # noqa: S102
    assert portal["PINCLI"][-1].endswith("/bin/pincli")
    portal["PINCLI"] = ["pincli"]
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    _ready(home, misses=6)
    added = _bash("pincli user add dan --account acme --type datapipe", home)
    assert added.returncode == 0
    assert portal["is_locked"]("alice") is True
    assert portal["is_locked"]("nobody") is False
    assert "locked" in portal["change"]("alice", "333197")
    portal["unlock"]("alice")
    portal["unlock"]("alice")
    assert portal["is_locked"]("alice") is False
    assert portal["change"]("alice", "33319") != ""
    assert portal["change"]("alice", "333197") == ""
    assert portal["pin_of"]("alice") == "333197"
    assert portal["pin_of"]("dan") is None
    with pytest.raises(RuntimeError, match="unknown user"):
        portal["pin_of"]("nobody")
    with pytest.raises(RuntimeError, match="unknown user"):
        portal["unlock"]("nobody")


def test_what_the_readme_points_to_is_there() -> None:
    """Each relative link leads to a file of the repository, and each picture is shown."""
    root = Path(__file__).parent.parent
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert [link for link in links if not (root / link).is_file()] == []
    shown = {Path(link).name for link in links if link.startswith(".pictures/")}
    assert shown == {path.name for path in (root / ".pictures").iterdir()}


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """The TOML that is shown gives the roles, folders and hook that the text speaks of."""
    from pincli.deployment import read_deployment
    from pincli.rules.roles import Role

    (block,) = _blocks("toml")
    path = tmp_path / "pincli.toml"
    path.write_text(block, encoding="utf-8")
    path.chmod(0o644)
    deployment = read_deployment(path)
    assert set(deployment.members) == set(Role)
    (crontab,) = _blocks("crontab")
    assert f"PINCLI_STORE={deployment.store}\nPINCLI_KEYS={deployment.keys}\n" in crontab
    assert deployment.on_lock == ("/usr/local/bin/notify-customer",)


def test_the_sudoers_lines_are_valid(tmp_path: Path) -> None:
    """The tool visudo finds nothing wrong with the lines for sudoers."""
    visudo = shutil.which("visudo") or "/usr/sbin/visudo"
    if not Path(visudo).exists():
        pytest.skip("sudo is not installed; CI installs it")
    (block,) = _blocks("sudoers")
    path = tmp_path / "pincli.sudoers"
    path.write_text(block, encoding="utf-8")
    ran = subprocess.run([visudo, "-c", "-f", path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_bounds_of_alerts_are_those_of_the_code() -> None:
    """Each stands in the table of signs by its name in [alerts], with its number."""
    from pincli.rules.signs import DEFAULTS

    table = README.partition("## Signs of an attack")[2].partition("\n## ")[0]
    for name, bound in DEFAULTS._asdict().items():
        assert re.search(rf"`{name}` \| {bound}\b", table), name
