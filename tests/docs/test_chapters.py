"""The chapters of the manual: every command in them works, and they are shown everywhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pincli.models import EventKind, NewEvent, UserType
from pincli.operations.session import Need
from tests.docs.reading import CHAPTERS, WRONG, bash, blocks, commands, ready, runnable
from tests.support.contract import call
from tests.support.driving import guess_wrong


@pytest.mark.parametrize("chapter", ["people", "attacks", "cron", "upkeep"])
def test_every_command_works(home: dict[str, str], chapter: str) -> None:
    """Each line ends with exit 0, on a store with Alice in it."""
    ready(home)
    if chapter == "people":
        _put_sample(home)
    lines = [line for block in blocks(CHAPTERS[chapter], "sh") for line in commands(block)]
    assert len(lines) > 2
    for line in runnable(lines):
        ran = bash(f"set -o pipefail; {line}", home)
        assert ran.returncode == 0, (line, ran.stdout, ran.stderr)


def test_no_command_is_left_out() -> None:
    """The other chapters have their own tests, or no commands."""
    others = set(CHAPTERS) - {"people", "attacks", "cron", "upkeep", "deployment", "hosts"}
    assert [name for name in others if blocks(CHAPTERS[name], "sh")] == []


def _put_sample(home: dict[str, str]) -> None:
    (sample,) = blocks(CHAPTERS["people"], "csv")
    (Path(home["HOME"]) / "export.csv").write_text(sample, encoding="utf-8")


def test_the_sample_is_imported_alike_by_profile_and_by_mapping(home: dict[str, str]) -> None:
    """The first command adds the people of the sample; then the second changes nothing."""
    _put_sample(home)
    by_profile, by_mapping = commands(blocks(CHAPTERS["people"], "sh")[0])
    ran = bash(f"pincli init >&2; {by_profile} --json; {by_mapping} --json", home)
    first, second = (json.loads(line) for line in ran.stdout.splitlines())
    assert (first["added"], second["unchanged"], second["rows"]) == (2, 2, 2)


def test_every_event_is_shipped_exactly_once(home: dict[str, str]) -> None:
    """No event is lost or doubled: after kills, a full disk, two runs at once and a rotation."""
    (script,) = blocks(CHAPTERS["cron"], "bash")
    ship = Path(home["HOME"]) / "pincli-ship"
    ship.write_text(script)
    ship.chmod(0o755)
    desk, folder = ready(home), Path(home["HOME"])
    event = NewEvent(EventKind.REFUSED, name="n" * 60, outcome="unknown_user")
    with desk.session(Need.WRITE) as session:
        session.store.write(lambda transaction: transaction.save([event] * 3000))
    shipped = folder / "trail.jsonl"
    assert bash("ulimit -f 100; ./pincli-ship trail.jsonl", home).returncode != 0
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
    assert bash("./pincli-ship trail.jsonl & ./pincli-ship trail.jsonl; wait", home).stderr == ""
    more = "pincli user add bob --account acme && ./pincli-ship trail.jsonl"
    assert bash(more, home).returncode == 0
    lines = (folder / "trail.jsonl.1").read_text() + shipped.read_text()
    numbers = [json.loads(line)["seq"] for line in lines.splitlines()]
    (last,) = desk.sql("SELECT max(number) FROM trail")[0]
    assert numbers == [*range(1, last + 1)]


def test_the_crontab_mails_only_what_is_to_be_done(home: dict[str, str]) -> None:
    """In cron's shell each job is silent when all is well, and prints when the store is lost."""
    (block,) = blocks(CHAPTERS["cron"], "crontab")
    settings = dict(line.split("=", 1) for line in block.splitlines() if re.match("[A-Z_]+=", line))
    jobs = [line.split(maxsplit=5)[5] for line in block.splitlines() if re.match(r"\d", line)]
    assert set(settings) == {"PINCLI_STORE", "PINCLI_KEYS", "PATH"}
    assert len(jobs) == 6
    ready(home)
    (Path(home["HOME"]) / "backups").mkdir()
    for lost in (False, True):
        if lost:
            shutil.rmtree(Path(home["HOME"]) / ".local/share/pincli")
        for job in jobs:
            assert "%" not in job.replace("\\%", ""), "cron ends a line there"
            ran = subprocess.run(
                ["sh", "-c", job.replace("\\%", "%")], env=home, capture_output=True, check=False
            )
            prints = lost and not job.startswith("find ")
            assert bool(ran.stdout + ran.stderr) is prints, (job, ran)


def test_the_workflow_s_steps_work(home: dict[str, str]) -> None:
    """Without sudo, each step ends with exit 0; the first with 4 if there are signs."""
    (block,) = blocks(CHAPTERS["cron"], "yaml")
    prefix = "sudo -n -u pincli /opt/pincli/bin/"
    steps = re.findall(r"^ +run: (.*)$", block, re.MULTILINE)
    assert len(steps) == 2
    assert all(step.startswith(prefix) for step in steps)
    desk = ready(home)
    for step in runnable(steps):
        assert bash(step.removeprefix(prefix), home).returncode == 0, step
    for _ in range(2):
        guess_wrong(desk, "alice", 6, WRONG)
        assert call(desk, "unlock alice --reason why").code == 0
    assert bash(steps[0].removeprefix(prefix), home).returncode == 4


def test_the_portal_s_functions_work(home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Python function, without sudo, with each result it can have."""
    (block,) = blocks(CHAPTERS["portal"], "python")
    portal: dict[str, Any] = {}
    exec(block, portal)  # noqa: S102
    assert portal["PINCLI"][-1].endswith("/bin/pincli")
    portal["PINCLI"] = ["pincli"]
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    desk = ready(home, misses=6)
    desk.add("dan", kind=UserType.DATAPIPE)
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
    assert portal["caller_of"]("dan") == "we are not talking to you"
    assert call(desk, "call dan").code == 0
    assert portal["caller_of"]("dan").endswith("from support is talking to you")
    with pytest.raises(RuntimeError, match="unknown user"):
        portal["pin_of"]("nobody")
    with pytest.raises(RuntimeError, match="unknown user"):
        portal["unlock"]("nobody")


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    """The TOML gives the roles, folders and hook that the text names."""
    from pincli.deployment import read_deployment
    from pincli.rules.roles import Role

    (block,) = blocks(CHAPTERS["deployment"], "toml")
    path = tmp_path / "pincli.toml"
    path.write_text(block, encoding="utf-8")
    path.chmod(0o644)
    deployment = read_deployment(path)
    assert set(deployment.members) == set(Role)
    (crontab,) = blocks(CHAPTERS["cron"], "crontab")
    assert f"PINCLI_STORE={deployment.store}\nPINCLI_KEYS={deployment.keys}\n" in crontab
    assert deployment.on_lock == ("/usr/local/bin/notify-customer",)


def test_the_sudoers_lines_are_valid(tmp_path: Path) -> None:
    """`visudo` accepts the lines for sudoers."""
    visudo = shutil.which("visudo") or "/usr/sbin/visudo"
    if not Path(visudo).exists():
        pytest.skip("sudo is not installed; CI installs it")
    (block,) = blocks(CHAPTERS["deployment"], "sudoers")
    path = tmp_path / "pincli.sudoers"
    path.write_text(block, encoding="utf-8")
    ran = subprocess.run([visudo, "-c", "-f", path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_bounds_of_alerts_are_those_of_the_code() -> None:
    """The table has each by its name in [alerts], with its number."""
    from pincli.rules.signs import DEFAULTS

    for name, bound in DEFAULTS._asdict().items():
        assert re.search(rf"`{name}` \| {bound}\b", CHAPTERS["attacks"]), name
