"""The chapter deployment: its commands set up a floor of agents on this machine."""

from __future__ import annotations

import configparser
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.reading import CHAPTERS, ROOT, blocks
from tests.support.floor_of_agents import alone_on_the_machine, config_aside, reason_to_skip

pytestmark = pytest.mark.system

PROGRAM, HOME = Path("/opt/pincli"), Path("/var/lib/pincli")
COPIES, HOOK = Path("/root/pincli-keys"), Path("/usr/local/bin/notify-customer")
OWN_SUDOERS = Path("/etc/sudoers.d/pincli")
AGENT, ADMIN = "pincli-r-amy", "pincli-r-lea"
GROUPS = {AGENT: "support", ADMIN: "support-leads"}
CHAPTER = CHAPTERS["deployment"]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run root's commands, and remove everything afterwards; what they print."""
    reason = reason_to_skip()
    if reason:
        pytest.skip(reason)
    with alone_on_the_machine():
        yield from _set_up(tmp_path_factory.mktemp("checkout") / "pincli")


def _set_up(checkout: Path) -> Iterator[str]:
    theirs = [p for p in (PROGRAM, HOME, COPIES, HOOK, OWN_SUDOERS) if p.exists()]
    groups = [g for g in GROUPS.values() if subprocess.call(["getent", "group", g]) == 0]
    assert not theirs, f"not made by this test: {theirs}"
    ignored = shutil.ignore_patterns(".git", ".venv", "tests", "__pycache__", "*.egg-info", "build")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    for name, language in (
        ("pincli.toml", "toml"),
        ("pincli.sudoers", "sudoers"),
        ("notify-customer", "bash"),
    ):
        (checkout / name).write_text(blocks(CHAPTER, language)[0], encoding="utf-8")
    (script,) = [block for block in blocks(CHAPTER, "sh") if "useradd" in block]
    try:
        with config_aside():
            ran = subprocess.run(
                ["bash", "-ec", script],
                cwd=checkout,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert ran.returncode == 0, ran
            for login, group in GROUPS.items():
                _system("useradd", "--system", "--no-create-home", "--groups", group, login)
            yield ran.stdout
    finally:
        for login in (AGENT, ADMIN, "pincli"):
            subprocess.call(["userdel", "--force", login], stderr=subprocess.DEVNULL)
        for group in {*GROUPS.values()} - {*groups}:
            subprocess.call(["groupdel", group])
        for path in (PROGRAM, HOME, COPIES):
            shutil.rmtree(path, ignore_errors=True)
        for path in (HOOK, OWN_SUDOERS):
            path.unlink(missing_ok=True)


def _system(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def as_login(login: str, command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a shell command as that login."""
    entry = pwd.getpwnam(login)
    become = ("setpriv", "--reuid", login, "--regid", str(entry.pw_gid), "--init-groups", "--")
    return subprocess.run(
        [*become, "sh", "-c", command],
        input=stdin,
        env={"HOME": entry.pw_dir, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        check=False,
    )


def test_doctor_finds_nothing(setup: str) -> None:
    """The doctor in the last line checks everything and finds nothing."""
    assert "all well" in setup
    assert "not checked" not in setup


def test_people_work_there(setup: str) -> None:
    """An admin adds Alice, the portal opens her PIN, an agent verifies her; an admin backs up."""
    sudo = f"sudo -n -u pincli {PROGRAM}/bin/pincli"
    assert as_login(ADMIN, f"{sudo} user add alice --account acme").returncode == 0
    changed = as_login("www-data", f"{sudo} pin change alice --pin-stdin", "444159")
    assert changed.returncode == 0, changed
    for pin, code in (("190562", 3), ("444159", 0)):
        ran = as_login(AGENT, f"{sudo} verify alice --pin-stdin", pin)
        assert ran.returncode == code, ran
    backup = HOME / "backups/by-hand.db"
    assert as_login(ADMIN, f"{sudo} backup {backup}").returncode == 0
    assert as_login(ADMIN, f"{sudo} backup /tmp/by-hand.db").returncode == 7
    assert as_login(ADMIN, f"rm -f {backup}").returncode != 0
    assert as_login(AGENT, f"{sudo} pin show alice").returncode == 7


def test_every_line_of_cron_runs(setup: str) -> None:
    """As the service account; all is well, so no job prints anything."""
    (crontab,) = blocks(CHAPTERS["cron"], "crontab")
    settings = [line for line in crontab.splitlines() if "=" in line.split()[0]]
    jobs = [line.split(maxsplit=5)[5] for line in crontab.splitlines() if line not in settings]
    assert len(jobs) > 4
    for job in jobs:
        script = "\n".join([*(f"export {each}" for each in settings), job.replace("\\%", "%")])
        ran = as_login("pincli", script)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), job
    (backup,) = (HOME / "backups").glob("pincli-*.db")
    backup.unlink()


def test_every_line_of_the_units_runs(setup: str, tmp_path: Path) -> None:
    """As systemd runs them; `systemd-analyze` accepts both units."""
    service, timer = blocks(CHAPTERS["cron"], "ini")
    for name, text in (("service", service), ("timer", timer)):
        (tmp_path / f"pincli-nightly.{name}").write_text(text)
    lines = [line.partition("=")[2] for line in service.splitlines() if line.startswith("Exec")]
    (environment,) = [line for line in service.splitlines() if line.startswith("Environment=")]
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.read_string(timer)
    assert parsed["Timer"]["OnCalendar"]
    for line in lines:
        words = shlex.join(shlex.split(line.replace("$$", "$").replace("%%", "%")))
        ran = as_login("pincli", f"export {environment.partition('=')[2]}; {words}")
        assert ran.returncode == 0, (line, ran)
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "pincli-nightly" not in checked.stderr, checked


def test_folders_are_as_the_table_says(setup: str) -> None:
    """Each folder has the owner and mode in the table."""
    rows = [line.split("|")[1:3] for line in CHAPTER.splitlines() if line.startswith("| `/")]
    assert len(rows) == 6
    for name, wanted in rows:
        path = Path(name.strip(" `"))
        assert f"{path.owner()}, {path.stat().st_mode & 0o777:o}" == wanted.strip(), path
