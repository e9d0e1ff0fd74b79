"""A server's past and its double: a standby that follows it, and a copy of how it was."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.support.postgresql import PORT, SUPERUSER, Server, copied, make_folder

_CATCHES_UP_WITHIN = 30.0


def standby_of(primary: Server) -> Server:
    """Start a server that streams all that this one commits. Whoever calls removes it."""
    standby = Server(primary.servers, f"{primary.name}-2")
    make_folder(standby.folder, 0o755)
    primary.servers.run(
        "pg_basebackup",
        *("-D", standby.data, "-h", primary.folder, "-p", str(PORT), "-U", SUPERUSER),
        *("--checkpoint=fast", "--no-sync", "--no-password", "--write-recovery-conf"),
    )
    standby.configure({"unix_socket_directories": f"'{standby.folder}'"})
    standby.start()
    return standby


def catch_up(standby: Server, primary: Server) -> None:
    """Wait until a standby has all that its primary has committed up to now."""
    ((now,),) = primary.sql("SELECT pg_current_wal_flush_lsn()::text")
    deadline = time.monotonic() + _CATCHES_UP_WITHIN
    while standby.sql("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", now) != [(True,)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def cut_off(standby: Server) -> None:
    """Let a standby get nothing more: what its primary commits from now on, it does not have."""
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.reload()
    deadline = time.monotonic() + _CATCHES_UP_WITHIN
    while standby.sql("SELECT 1 FROM pg_stat_wal_receiver"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def promote(standby: Server) -> None:
    """Make a standby a server that is written to, on a timeline of its own."""
    standby.servers.run("pg_ctl", "promote", "-D", standby.data, "-w", "-s")


def copy_of(server: Server) -> Path:
    """How a server is now, to bring back later. It is stopped for that, and goes on."""
    number = len(list(server.folder.glob("copy-*")))
    copy = server.folder / f"copy-{number}"
    server.stop()
    copied(server.data, copy)
    server.start()
    return copy


def bring_back(server: Server, copy: Path) -> None:
    """Let a server be as it was when it was copied."""
    server.stop()
    shutil.rmtree(server.data)
    copied(copy, server.data)
    server.start()
