"""pincli beside what people use in its place: whole commands, cold, by turns.

Each is found on PATH, and left out with a word where it isn't there. They do different
things, and hash at different costs: README.md here says what each does and doesn't do.

pamtester needs a service with pam_faillock and a user, both made beforehand:
--pam-service, --pam-user and --pam-password (README.md here).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.arguments import parser
from tests.benchmarks.population import CALLERS, PIN, Shape, store_of
from tests.benchmarks.timing import Command
from tests.benchmarks.verify_speed import floor_command, verify_command

_DJANGO = """
SECRET_KEY = "benchmark"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "axes"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/axes.db"}}}}
MIDDLEWARE = ["axes.middleware.AxesMiddleware"]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""

_PRIVACYIDEA = """
SUPERUSER_REALM = ["super"]
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/pi.db"
SECRET_KEY = "benchmark"
PI_PEPPER = "benchmark"
PI_ENCFILE = "{folder}/enckey"
PI_AUDIT_KEY_PRIVATE = "{folder}/private.pem"
PI_AUDIT_KEY_PUBLIC = "{folder}/public.pem"
PI_LOGFILE = "{folder}/pi.log"
"""


def _set_up(argv: list[str], environment: dict[str, str]) -> None:
    subprocess.run(argv, env=environment, check=True, capture_output=True)


def _htpasswd(program: str, folder: Path, _given: argparse.Namespace) -> Command:
    """A bcrypt verifier in a text file; the password from stdin."""
    environment = dict(os.environ)
    database = str(folder / "htpasswd")
    _set_up([program, "-cbB", database, "caller", PIN], environment)
    return Command("htpasswd -vi", [program, "-vi", database, "caller"], f"{PIN}\n".encode())


def _pamtester(program: str, _folder: Path, given: argparse.Namespace) -> Command | None:
    """PAM's stack for a service: pam_faillock around pam_unix."""
    if not given.pam_service:
        return None
    argv = [program, given.pam_service, given.pam_user, "authenticate"]
    return Command("pamtester, pam_faillock", argv, f"{given.pam_password}\n".encode())


def _sqlite_utils(program: str, folder: Path, _given: argparse.Namespace) -> Command:
    """A row looked up by key: what a home-made script would begin with."""
    database = str(folder / "users.db")
    rows = "".join(f'{{"user": "caller-{n}", "pin": "{PIN}"}}\n' for n in range(1000))
    subprocess.run(
        [program, "insert", database, "users", "-", "--nl", "--pk", "user"],
        input=rows.encode(),
        check=True,
        capture_output=True,
    )
    query = "select user from users where user = :user and pin = :pin"
    argv = [program, "query", database, query, "-p", "user", "caller-7", "-p", "pin", PIN]
    return Command("sqlite-utils query", argv)


def _django_axes(program: str, folder: Path, _given: argparse.Namespace) -> Command:
    """The management command that unlocks one user; there is none that checks a password."""
    (folder / "axes_settings.py").write_text(_DJANGO.format(folder=folder), encoding="ascii")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "axes_settings",
        "PYTHONPATH": str(folder),
    }
    _set_up([program, "migrate"], environment)
    return Command(
        "django axes_reset_username", [program, "axes_reset_username", "caller"], env=environment
    )


def _privacyidea(program: str, folder: Path, _given: argparse.Namespace) -> Command:
    """A list of the admins: its PINs are checked by the server alone."""
    settings = folder / "pi.cfg"
    settings.write_text(_PRIVACYIDEA.format(folder=folder), encoding="ascii")
    environment = {**os.environ, "PRIVACYIDEA_CONFIGFILE": str(settings)}
    _set_up([program, "setup", "create_enckey"], environment)
    _set_up([program, "setup", "create_tables"], environment)
    return Command("pi-manage admin list", [program, "admin", "list"], env=environment)


def _ykman(program: str, _folder: Path, _given: argparse.Namespace) -> Command:
    """Its start alone: the PIN is checked in the key, and there is none plugged in."""
    return Command("ykman --version", [program, "--version"])


_OTHERS = {
    "htpasswd": _htpasswd,
    "pamtester": _pamtester,
    "sqlite-utils": _sqlite_utils,
    "ykman": _ykman,
    "django-admin": _django_axes,
    "pi-manage": _privacyidea,
}


def _found(folder: Path, given: argparse.Namespace) -> Iterator[Command]:
    for name, prepare in _OTHERS.items():
        program = shutil.which(name)
        command = None if program is None else prepare(program, folder, given)
        if command is None:
            print(f"  {name}: left out, {'not set up' if program else 'not installed'}")
        else:
            yield command


def main() -> None:
    """Measure and print."""
    options = parser(__doc__, runs=15)
    options.add_argument("--users", type=int, default=1000, help="users in the store (1000)")
    options.add_argument("--pam-service", help="a file in /etc/pam.d")
    options.add_argument("--pam-user", help="a Unix user")
    options.add_argument("--pam-password", help="that user's password")
    given = options.parse_args()
    desk = store_of(Shape(given.users), given.cache)
    with tempfile.TemporaryDirectory(dir=given.cache) as name:
        folder = Path(name)
        verify = verify_command(desk)
        status = Command(
            "pincli status USER",
            [*timing.pincli(), "status", CALLERS[0], "--json"],
            env=desk.environment(),
        )
        commands = [verify, status, floor_command(folder), *_found(folder, given)]
        results = timing.alternate(commands, given.runs)
    timing.print_runs(results)
    for command in commands[1:]:
        timing.print_ratio(
            f"{command.name} to verify", results[command.name], results[verify.name], "none"
        )


if __name__ == "__main__":
    main()
