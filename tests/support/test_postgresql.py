"""The servers for the PostgreSQL tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.driving import wait_until
from tests.support.postgresql import Server, Servers

_USER = """
import sys, time
from pathlib import Path
from tests.support.postgresql import programs, servers
with servers(Path(sys.argv[1]), programs()) as running:
    print(running.shared().folder, flush=True)
    sys.stdin.read()
"""


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
    wait_until(lambda: not first.parent.exists(), "the keeper to remove the servers")
    assert not Path(f"/proc/{pid}/exe").exists()
