"""Standbys of a server, and copies to bring back."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.support.postgresql import PORT, SUPERUSER, Server, copied, make_folder

_CATCHES_UP_WITHIN = 30.0


def standby_of(primary: Server) -> Server:
    """Start a standby of a server; the caller removes it."""
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
    """Wait until a standby has everything that its primary has committed so far."""
    ((now,),) = primary.sql("SELECT pg_current_wal_flush_lsn()::text")
    deadline = time.monotonic() + _CATCHES_UP_WITHIN
    while standby.sql("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", now) != [(True,)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def cut_off(standby: Server) -> None:
    """Stop a standby from receiving commits."""
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.reload()
    deadline = time.monotonic() + _CATCHES_UP_WITHIN
    while standby.sql("SELECT 1 FROM pg_stat_wal_receiver"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def promote(standby: Server) -> None:
    """Promote a standby, so that it takes writes."""
    standby.servers.run("pg_ctl", "promote", "-D", standby.data, "-w", "-s")


def copy_of(server: Server) -> Path:
    """Stop a server, copy it, and start it again. Return the copy."""
    number = len(list(server.folder.glob("copy-*")))
    copy = server.folder / f"copy-{number}"
    server.stop()
    copied(server.data, copy)
    server.start()
    return copy


def bring_back(server: Server, copy: Path) -> None:
    """Put a server back to a copy."""
    server.stop()
    shutil.rmtree(server.data)
    copied(copy, server.data)
    server.start()
