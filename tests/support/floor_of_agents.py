"""A support floor on this very machine: real logins, real sudo, pincli deployed as in the README.

Everything bears a name that only these tests use, and goes again at the end; what a killed
run left behind goes at the beginning of the next.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect

import pincli
from tests.support.copies import marked_here
from tests.support.desk import Desk, Ran
from tests.support.floor import new_floor

SERVICE = "pincli-t-svc"
"""Owns store and keys; nobody logs in to it."""
AMY = "pincli-t-amy"
BEN = "pincli-t-ben"
"""Agents: to the one the group is the primary, to the other a further one."""
LEA = "pincli-t-lea"
"""An admin, by a group."""
WWW = "pincli-t-www"
"""The portal, by its login."""
EVE = "pincli-t-eve"
"""May run pincli by sudo, and has no role."""
SUPPORT, LEADS = "pincli-t-support", "pincli-t-leads"

CONFIG = Path("/etc/pincli/pincli.toml")
SUDOERS = Path("/etc/sudoers.d/pincli-t")
HOME = Path("/opt/pincli-t")

_CONFIG_ASIDE = Path("/etc/pincli.before-tests")
_MARK = ".made-by-the-tests"
_OURS = "made by the tests of pincli"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TOOLS = ("sudo", "visudo", "useradd", "userdel", "groupadd", "groupdel", "setpriv", "bash")
_NOT_NEEDED = (
    *("*.pth", "*-stubs", "py.py"),
    *("pip", "setuptools", "pkg_resources", "_distutils_hack"),
    *("mypy", "mypyc", "ruff", "librt", "pathspec", "ast_serialize", "*__mypyc*"),
    *("pytest", "_pytest", "hypothesis", "pexpect", "ptyprocess"),
    *("tzdata", "pygments"),  # of dateutil and rich, for what is not used here
)
"""Tools of developers among the packages: thousands of files that are not needed."""


@dataclass(frozen=True)
class AgentFloor:
    """The deployment, and the people who use it.

    Attributes:
        desk: Store and keys, seen by root and past all roles.
        template: What they are at the beginning of each test.
    """

    desk: Desk
    template: Desk

    @property
    def program(self) -> Path:
        """The command that sudoers names."""
        return HOME / "venv/bin/pincli"

    @property
    def python(self) -> Path:
        """The interpreter that runs it."""
        return HOME / "venv/bin/python"

    @property
    def marks(self) -> Path:
        """A folder in which anybody may leave a file."""
        return HOME / "marks"

    def home(self, login: str) -> Path:
        """Somebody's home, which all may enter."""
        return HOME / "homes" / login

    def renew(self) -> None:
        """Put store, keys, homes and configuration back to the beginning."""
        for folder, origin in (
            (self.desk.store, self.template.store),
            (self.desk.keys, self.template.keys),
        ):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(origin, folder)
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, SERVICE, SERVICE)
                path.chmod(0o700 if path.is_dir() else 0o600)
        marked_here(self.desk.database, self.desk.keys)
        _make_folders()
        self.configure(self.config())

    def config(self) -> str:
        """The deployment's file, as an admin writes it."""
        return (
            f'store = "{self.desk.store}"\n'
            f'keys = "{self.desk.keys}"\n'
            "\n"
            "[roles]\n"
            f'agent = ["%{SUPPORT}"]\n'
            f'admin = ["%{LEADS}"]\n'
            f'portal = ["{WWW}"]\n'
        )

    def configure(self, text: str | None) -> None:
        """Write the deployment's file; with None, remove it."""
        CONFIG.unlink(missing_ok=True)
        if text is not None:
            CONFIG.write_text(text)
            CONFIG.chmod(0o644)

    def sudo_line(self, *arguments: str) -> list[str]:
        """What an agent types to run pincli."""
        return ["sudo", "-n", "-u", SERVICE, str(self.program), *arguments]

    def pincli(
        self, login: str, line: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a pincli command line by sudo, as somebody, to its end."""
        return self.run(login, self.sudo_line(*shlex.split(line)), stdin, env=env)

    def verify(self, login: str, user: str, pin: str) -> Ran:
        """`pincli verify USER --pin-stdin --json` by sudo."""
        return self.pincli(login, f"verify {user} --pin-stdin --json", f"{pin}\n")

    def run(
        self,
        login: str,
        command: Sequence[str],
        stdin: str = "",
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run any command as somebody, without a terminal, to its end."""
        done = subprocess.run(
            [*_become(login), *command],
            input=stdin.encode(),
            capture_output=True,
            env={**self.environment(login), **(env or {})},
            cwd=cwd or self.home(login),
            timeout=60,
            start_new_session=True,  # else sudo finds the terminal of the test run
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def terminal(self, login: str, command: Sequence[str]) -> pexpect.spawn[str]:
        """Start any command as somebody, in a pseudo-terminal."""
        argv = [*_become(login), *command]
        return pexpect.spawn(
            argv[0],
            argv[1:],
            env=self.environment(login),
            cwd=str(self.home(login)),
            encoding="utf-8",
            timeout=30,
            dimensions=(40, 120),
        )

    def environment(self, login: str) -> dict[str, str]:
        """What somebody's shell has after the login."""
        return {
            "HOME": str(self.home(login)),
            "USER": login,
            "LOGNAME": login,
            "PATH": _PATH,
            "LANG": "C.UTF-8",
            "TERM": "xterm",
        }

    def refusals(self) -> list[tuple[str, str]]:
        """Who was refused which command for the lack of a role, the oldest first."""
        events = self.desk.events()
        return [(each.agent, each.command) for each in events if each.outcome == "role"]


def reason_to_skip() -> str:
    """Why this machine can't have a floor with sudo; empty if it can."""
    return next(_reasons(), "")


@contextmanager
def deployed(folder: Path) -> Iterator[AgentFloor]:
    """Users, sudoers, a root-owned venv, store and keys; all of it goes at the end.

    Args:
        folder: An empty one, for the template of store and keys.
    """
    template = new_floor(folder)
    with alone_on_the_machine():
        _remove()
        try:
            _make_users()
            _put_config_aside()
            _make_folder(HOME)
            _install()
            floor = AgentFloor(Desk(HOME / "store", HOME / "keys"), template)
            SUDOERS.write_text(sudoers(floor.program))
            SUDOERS.chmod(0o440)
            yield floor
        finally:
            _remove()


@contextmanager
def alone_on_the_machine() -> Iterator[None]:
    """Wait for other runs of the tests that change logins, sudoers or /etc/pincli."""
    held = os.open(SUDOERS.parent, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def sudoers(program: Path) -> str:
    """The sudoers file, as the README shows it."""
    return (
        f"Defaults!{program} env_reset, !setenv, always_set_home, use_pty,"
        " !log_input, !log_output\n"
        f"%{SUPPORT} ALL=({SERVICE}) NOPASSWD: {program}\n"
        f"%{LEADS} ALL=({SERVICE}) NOPASSWD: {program}\n"
        f"{WWW} ALL=({SERVICE}) NOPASSWD: {program}\n"
        f"{EVE} ALL=({SERVICE}) NOPASSWD: {program}\n"
    )


_LOGINS: dict[str, tuple[str, ...]] = {
    SERVICE: (),
    AMY: ("--gid", SUPPORT),
    BEN: ("--groups", SUPPORT),
    LEA: ("--groups", LEADS),
    WWW: (),
    EVE: (),
}
"""Who is there, and what makes them a member of their groups."""


def _reasons() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "making users and sudoers takes root"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        yield f"not installed: {', '.join(missing)}"
    if not SUDOERS.parent.is_dir():
        yield f"there is no {SUDOERS.parent}"
    if _interpreter() is None:
        yield "there is no Python {}.{} that every user may run".format(*sys.version_info)
    tried = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        yield f"sudo does not work here: {tried.stderr.decode().strip()}"
    foreign = [login for login in _LOGINS if _comment(login) not in (None, _OURS)]
    if foreign:
        yield f"there are users of these names already: {', '.join(foreign)}"


def _become(login: str) -> list[str]:
    group = str(pwd.getpwnam(login).pw_gid)
    return ["setpriv", "--reuid", login, "--regid", group, "--init-groups", "--"]


def _make_users() -> None:
    for group in (SUPPORT, LEADS):
        _system("groupadd", "--system", group)
    for login, groups in _LOGINS.items():
        home = str(HOME / "homes" / login)
        facts = ("--home-dir", home, "--shell", "/usr/sbin/nologin", "--comment", _OURS)
        _system("useradd", "--system", "--no-create-home", *facts, *groups, login)


def _make_folders() -> None:
    homes, marks = HOME / "homes", HOME / "marks"
    for folder in (homes, marks):
        shutil.rmtree(folder, ignore_errors=True)
    _make_folder(homes)
    _make_folder(marks, 0o1777)
    for login in ("root", *_LOGINS):
        _make_folder(homes / login)
        shutil.chown(homes / login, login)


def _make_folder(folder: Path, mode: int = 0o755) -> None:
    folder.mkdir()
    folder.chmod(mode)  # despite the umask


def _put_config_aside() -> None:
    """Put a folder of ours where the configuration's is, if there is one."""
    ours = CONFIG.parent.with_name("pincli.tests")
    shutil.rmtree(ours, ignore_errors=True)
    _make_folder(ours)
    (ours / _MARK).touch()
    if CONFIG.parent.exists():
        CONFIG.parent.rename(_CONFIG_ASIDE)
    ours.rename(CONFIG.parent)


def _install() -> None:
    """Make a venv that root owns, with pincli in it and a script as pip makes one."""
    interpreter = _interpreter()
    assert interpreter is not None
    venv = HOME / "venv"
    _system(str(interpreter), "-m", "venv", "--without-pip", str(venv))
    (packages,) = venv.glob("lib/python*/site-packages")
    for origin in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        ignored = shutil.ignore_patterns(*_NOT_NEEDED)
        shutil.copytree(origin, packages, ignore=ignored, dirs_exist_ok=True)
    shutil.rmtree(packages / "pincli", ignore_errors=True)
    package = Path(pincli.__file__).parent
    shutil.copytree(package, packages / "pincli", ignore=shutil.ignore_patterns("__pycache__"))
    python = venv / "bin/python"
    _system(str(python), "-m", "compileall", "-q", str(packages / "pincli"))
    script = venv / "bin/pincli"
    script.write_text(
        f"#!{python}\n"
        "import sys\n"
        "from pincli.__main__ import process\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(process())\n"
    )
    script.chmod(0o755)
    _system("chmod", "-R", "u+w,go-w,go+rX", str(venv))


@contextmanager
def config_aside() -> Iterator[None]:
    """Without the configuration that this machine may have."""
    if CONFIG.parent.exists():
        CONFIG.parent.rename(_CONFIG_ASIDE)
    try:
        yield
    finally:
        shutil.rmtree(CONFIG.parent, ignore_errors=True)
        if _CONFIG_ASIDE.exists():
            _CONFIG_ASIDE.rename(CONFIG.parent)


def _interpreter() -> Path | None:
    """A Python of our version that every user may run: one below /root is none."""
    name = "python{}.{}".format(*sys.version_info)
    for folder in (Path(sys.base_prefix, "bin"), Path("/usr/bin"), Path("/usr/local/bin")):
        path = folder / name
        if path.is_file() and _open_to_all(path.resolve()):
            return path
    return None


def _open_to_all(path: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (path, *path.parents))


def _remove() -> None:
    """Remove everything that is ours, also what a killed run left."""
    SUDOERS.unlink(missing_ok=True)
    shutil.rmtree(HOME, ignore_errors=True)
    for login in _LOGINS:
        if _comment(login) == _OURS:
            _system("userdel", "--force", login)
    for group in (SUPPORT, LEADS):
        subprocess.run(["groupdel", group], capture_output=True, check=False)
    if _CONFIG_ASIDE.exists() or (CONFIG.parent / _MARK).exists():
        shutil.rmtree(CONFIG.parent, ignore_errors=True)
    if _CONFIG_ASIDE.exists():
        _CONFIG_ASIDE.rename(CONFIG.parent)


def _comment(login: str) -> str | None:
    try:
        return pwd.getpwnam(login).pw_gecos
    except KeyError:
        return None


def _system(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, env={"PATH": _PATH})
