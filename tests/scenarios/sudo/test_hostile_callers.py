"""A hostile caller of `sudo … pincli`."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.desk import Ran
from tests.support.floor import RIGHT
from tests.support.floor_of_agents import AMY, BEN, LEA, SERVICE, WWW, AgentFloor

pytestmark = pytest.mark.system

MODULES = ("typer", "pincli/__init__", "sitecustomize", "usercustomize", "json", "signal", "start")
PYTHON = "python{}.{}".format(*sys.version_info)


@pytest.fixture
def evil(floor: AgentFloor) -> Path:
    """An agent's folder of modules that leave a mark when imported."""
    folder = floor.home(AMY) / "evil"
    user_site = f".local/lib/{PYTHON}/site-packages"
    for below in (".", user_site, f"lib/{PYTHON}", "bin"):
        for module in MODULES:
            path = folder / below / f"{module}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            mark = floor.marks / module.replace("/", ".")
            path.write_text(f"open({str(mark)!r}, 'a').close()\n")
    for tool in ("python3", PYTHON, "sh", "env", "stty"):
        (folder / "bin" / tool).write_text(f"#!/bin/sh\n: > {floor.marks}/{tool}\n")
        (folder / "bin" / tool).chmod(0o755)
    return folder


def hostile(evil: Path) -> dict[str, str]:
    """An environment in which every variable that could bring code in does."""
    return {
        "HOME": str(evil),
        "PATH": f"{evil}/bin:/usr/bin:/bin",
        "PYTHONPATH": str(evil),
        "PYTHONSTARTUP": str(evil / "start.py"),
        "PYTHONUSERBASE": str(evil / ".local"),
        "PYTHONINSPECT": "1",
        "PYTHONDEBUG": "1",
        "PYTHONPYCACHEPREFIX": str(evil),
        "PYTHONBREAKPOINT": "usercustomize.x",
        "PYTHONWARNINGS": "error::usercustomize.X",
        "PYTHONPLATLIBDIR": "evil",
        "XDG_DATA_HOME": str(evil),
        "XDG_CONFIG_HOME": str(evil),
        "TMPDIR": str(evil),
        "BASH_ENV": str(evil / "start.py"),
        "ENV": str(evil / "start.py"),
        "_PINCLI_COMPLETE": "complete_bash",
        "COMP_WORDS": "pincli",
    }


def verified(ran: Ran) -> None:
    """Fail unless a verify in JSON ended well."""
    assert (ran.code, ran.err) == (0, ""), ran
    assert ran.answer["outcome"] == "verified"


VERIFY = ("verify", "alice", "--pin-stdin", "--json")


def test_the_callers_code_is_not_run(floor: AgentFloor, evil: Path) -> None:
    """No module from the caller's variables, home or folders is imported."""
    line = ["/usr/bin/sudo", *floor.sudo_line(*VERIFY)[1:]]
    verified(floor.run(AMY, line, f"{RIGHT}\n", cwd=evil, env=hostile(evil)))
    assert list(floor.marks.iterdir()) == []


def test_the_callers_python_home_is_ignored(floor: AgentFloor, evil: Path) -> None:
    """The caller's PYTHONHOME is ignored."""
    line, home = floor.sudo_line(*VERIFY), {"PYTHONHOME": str(evil)}
    verified(floor.run(AMY, line, f"{RIGHT}\n", env=home))
    assert floor.run(AMY, [str(floor.python), "-c", "pass"], env=home).code != 0  # it would


def test_the_trap_works(floor: AgentFloor, evil: Path) -> None:
    """Without sudo, the same environment runs the caller's code: the trap works."""
    run = [str(floor.python), "-c", "import typer, pincli"]
    assert floor.run(AMY, run, cwd=evil).code == 0
    assert {each.name for each in floor.marks.iterdir()} >= {"typer", "pincli.__init__"}
    floor.run(AMY, ["python3", "-c", "pass"], env={"PATH": hostile(evil)["PATH"]})
    floor.run(AMY, [str(floor.python), "-c", "pass"], env={"PYTHONPATH": str(evil)})
    system = f"/usr/bin/{PYTHON}"
    if Path(system).exists():
        floor.run(AMY, [system, "-c", "pass"], env={"HOME": str(evil)})
    marks = {each.name for each in floor.marks.iterdir()}
    assert marks >= {"python3", "sitecustomize", "usercustomize"}


def test_an_exported_store_is_stripped_and_a_named_one_refused(
    floor: AgentFloor, tmp_path: Path
) -> None:
    """Sudo strips PINCLI_*; --store and --keys are exit 7."""
    theirs = {"PINCLI_STORE": str(floor.home(AMY)), "PINCLI_KEYS": str(floor.home(AMY))}
    verified(floor.run(AMY, floor.sudo_line(*VERIFY), f"{RIGHT}\n", env=theirs))
    for option in ("--store", "--keys"):
        for folder in (floor.home(AMY), floor.desk.store, Path("relative")):
            ran = floor.pincli(AMY, f"{option} {folder} status --json")
            assert (ran.code, ran.answer["error"]["code"]) == (7, "refused")
            assert "under sudo" in ran.answer["error"]["message"]


def in_shell(floor: AgentFloor, login: str, setting: str, line: str, stdin: str = "") -> Ran:
    """Run a pincli command line by sudo from a shell in which something was set first."""
    sudo = shlex.join(floor.sudo_line(*shlex.split(line)))
    return floor.run(login, ["bash", "-c", f"{setting}\nexec {sudo}"], stdin)


def all_private(floor: AgentFloor) -> None:
    """Fail unless every file of store and keys is the service account's own, 0600."""
    for folder in (floor.desk.store, floor.desk.keys):
        for path in folder.iterdir():
            assert (path.owner(), path.stat().st_mode & 0o777) == (SERVICE, 0o600), path


@pytest.mark.parametrize("umask", ["0777", "0000"])
def test_any_umask_leaves_files_that_work(floor: AgentFloor, umask: str) -> None:
    """With any umask of the caller files are 0600, and others can go on."""
    setting = f"umask {umask}"
    verified(in_shell(floor, AMY, setting, " ".join(VERIFY), f"{RIGHT}\n"))
    assert in_shell(floor, WWW, setting, "pin show uma").code == 0
    assert in_shell(floor, LEA, setting, "keys rotate --verify").code == 0
    all_private(floor)
    verified(floor.verify(BEN, "alice", RIGHT))
    assert floor.pincli(WWW, "pin show uma").code == 0


def test_a_deployment_is_made_by_root(floor: AgentFloor) -> None:
    """`sudo -u SERVICE pincli init` makes private files under any umask."""
    for folder in (floor.desk.store, floor.desk.keys):
        for path in folder.iterdir():
            path.unlink()
    assert in_shell(floor, "root", "umask 0000", "init").code == 0
    all_private(floor)
    assert floor.pincli(LEA, "user add alice --account acme").code == 0
    pin = floor.pincli(WWW, "pin show alice --json").answer["pin"]
    verified(floor.verify(AMY, "alice", pin))
    assert floor.desk.events()[0].agent == "root"
    assert floor.pincli(LEA, "doctor").code == 0


@pytest.mark.parametrize(
    "setting",
    [
        "trap '' INT TERM HUP QUIT ALRM CHLD TSTP PIPE USR1",
        "ulimit -c unlimited",
        "mkdir gone; cd gone; rmdir ../gone",
        "mkdir closed; chmod 0 closed; cd / ",
        "cd /root 2>/dev/null; mkdir -p mine; chmod 700 mine; cd mine",
        "exec 3</etc/passwd 4<&3 9<&3",
        "nice -n 19 true; renice -n 10 $$ >/dev/null",
    ],
)
def test_an_unusual_start(floor: AgentFloor, setting: str) -> None:
    """Ignored signals, a missing working directory or open files don't matter."""
    verified(in_shell(floor, AMY, setting, " ".join(VERIFY), f"{RIGHT}\n"))
    verified(floor.verify(BEN, "alice", RIGHT))


def test_what_sudo_lets_through_changes_no_record(floor: AgentFloor) -> None:
    """The caller's time zone and locale don't change the trail."""
    for env in (
        {"TZ": "Asia/Tokyo"},
        {"TZ": ":/etc/shadow"},
        {"LC_ALL": "tr_TR.UTF-8"},
        {"LC_ALL": "/../../etc", "TERM": "../../../etc/passwd"},
    ):
        verified(floor.run(AMY, floor.sudo_line(*VERIFY), f"{RIGHT}\n", env=env))
        at = datetime.fromisoformat(floor.desk.events()[-1].at)
        assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_the_service_account_acts_for_no_customer(floor: AgentFloor) -> None:
    """Not without sudo, though it may read everything."""
    place = floor.desk.store.parent
    named = ["--store", str(place / "store"), "--keys", str(place / "keys")]
    for line in ("pin show uma", "pin change alice --pin-stdin", "unlock lara --reason x"):
        ran = floor.run(SERVICE, [str(floor.program), *named, *line.split()], "333197")
        assert ran.code == 7, ran
    assert floor.run(SERVICE, [str(floor.program), *named, "status"]).code == 0
