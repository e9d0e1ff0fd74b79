"""PgBouncer in front of a database, in transaction mode."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.postgresql import LOGINS, PORT, SUPERUSER, Database, as_nobody, make_folder

_STARTS_WITHIN = 30.0


@contextmanager
def pooled(database: Database, *, connections: int = 4, settings: str = "") -> Iterator[Database]:
    """Put a pooler in front of a database.

    Args:
        database: The database, as the pooler reaches it.
        connections: The pooler's connections for each login.
        settings: More lines for the pooler's settings.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("no PgBouncer: install the package pgbouncer")
    servers = database.server.servers
    folder = servers.folder / f"pooler-{secrets.token_hex(4)}"
    make_folder(folder, 0o755)
    passwords = folder / "passwords"
    passwords.write_text(
        "".join(f'"{login}" "{servers.password(login)}"\n' for login in (SUPERUSER, *LOGINS))
    )
    written = folder / "pgbouncer.ini"
    written.write_text(
        f"[databases]\n* = host={database.socket} port={PORT}\n[pgbouncer]\n"
        f"pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 200\n"
        f"auth_type = scram-sha-256\nauth_file = {passwords}\nadmin_users = {SUPERUSER}\n"
        f"listen_port = {PORT}\nunix_socket_dir = {folder}\nlogfile = {folder / 'log'}\n{settings}"
    )
    for file in (passwords, written):
        file.chmod(0o600)
        shutil.chown(file, folder.owner(), folder.group())
    # It ends with this process, even after a kill.
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", program, "-q", written],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **as_nobody(),
    )
    try:
        _wait_for(folder / f".s.PGSQL.{PORT}", process)
        yield database.through(folder)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while not socket.exists():
        assert process.poll() is None, (socket.parent / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
