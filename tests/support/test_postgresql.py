"""The servers for the PostgreSQL tests."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.postgresql import LOGINS, Database, Server, Servers

_USER = """
import sys, time
from pathlib import Path
from tests.support.postgresql import programs, servers
with servers(Path(sys.argv[1]), programs()) as running:
    print(running.shared().folder, flush=True)
    sys.stdin.read()
"""


def _table(dsn: str) -> None:
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE made AS SELECT 1 AS one")


def test_each_database_is_a_copy_of_its_template(
    server: Server, postgresql_servers: Servers
) -> None:
    """Each test gets its own copy of the template, in any worker."""
    workers = (server, server, Server(postgresql_servers, server.name))
    first, *others = (worker.database(_table) for worker in workers)
    first.sql("UPDATE made SET one = 2")
    for database in (first, *others):
        assert database.sql("SELECT * FROM made") == [(2 if database is first else 1,)]
        database.drop()
        assert not server.sql("SELECT 1 FROM pg_database WHERE datname = %s", database.name)
    workers[-1].let_go()


def test_each_login_is_in_one_group(database: Database) -> None:
    """Every login connects by dsn and by location, and is in one group."""
    import psycopg

    for login, group in LOGINS.items():
        asked = (
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'pincli%'"
            " AND pg_has_role(rolname, 'MEMBER')"
        )
        for way in (database.dsn(login), database.location(login)):
            with psycopg.connect(way) as connection:
                assert connection.execute(asked).fetchall() == [(group,)]


def test_a_run_shares_one_server_until_its_last_user_ends(
    tmp_path: Path, postgresql_servers: Servers
) -> None:
    """Two processes share a server, and a SIGKILL of both removes it."""
    users = [
        subprocess.Popen(
            [sys.executable, "-c", _USER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    assert all(user.stdout is not None for user in users)
    first, second = (Path(user.stdout.readline().strip()) for user in users if user.stdout)
    assert first == second
    assert first.parent != postgresql_servers.folder
    pid = Server(Servers(first.parent), first.name).pid
    for user in users:
        user.send_signal(signal.SIGKILL)
        user.communicate()
    waiting = threading.Event()
    while first.parent.exists():
        waiting.wait(0.05)
    assert not Path(f"/proc/{pid}/exe").exists()


def test_a_crash_loses_no_commit(own_server: Server) -> None:
    """After a crash and a start, commits and logins are there."""
    own_server.sql("CREATE TABLE kept AS SELECT 1 AS one")
    own_server.restart("immediate")
    assert own_server.sql("SELECT * FROM kept") == [(1,)]
    own_server.postgres.connect("desk1").close()


def test_a_database_can_be_read_only(database: Database) -> None:
    """Writes fail, and then work again."""
    import psycopg

    database.read_only(True)
    with (
        database.connect("owner") as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("CREATE TABLE written (one integer)")
    database.read_only(False)
    with database.connect("owner") as connection:
        connection.execute("CREATE TABLE written (one integer)")


def test_a_database_can_have_too_many_connections(database: Database) -> None:
    """One connection too many is refused, and then accepted again."""
    import psycopg

    database.allow(1)
    with database.connect("desk1"), pytest.raises(psycopg.OperationalError, match="too many conn"):
        database.connect("desk2")
    database.allow(-1)
    with database.connect("desk1"), database.connect("desk2"):
        pass


def test_a_frozen_server_answers_after_the_thaw(own_server: Server) -> None:
    """An open connection waits, and gets its answer after the thaw."""
    import psycopg

    with own_server.postgres.connect() as connection:
        own_server.freeze()
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(own_server.postgres.dsn(), connect_timeout=2)
        threading.Timer(0.2, own_server.thaw).start()
        assert connection.execute("SELECT 1").fetchone() == (1,)
