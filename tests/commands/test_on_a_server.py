"""Commands whose store is on a server: what is another thing there than in a folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk
from tests.support.postgresql import Database

NOWHERE = "postgresql://desk1@127.0.0.1:1/pincli"
"""Nothing listens there."""
WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from pincli.__main__ import process
process()
"""


@pytest.mark.parametrize("json", ["", " --json"])
@pytest.mark.parametrize(
    ("line", "way"), [("backup {}", "pg_dump"), ("restore {} --yes", "without a file")]
)
def test_files_are_not_for_a_server(desk: Desk, line: str, way: str, json: str) -> None:
    """Its DBA backs it up and brings it back; that is said before anything is asked of it."""
    backup = desk.store.parent / "backup.db"
    assert call(desk, f"backup {backup}").code == 0
    existing = backup if line.startswith("restore") else backup.with_name("other.db")
    ran = call(desk, line.format(existing) + json, PINCLI_STORE=NOWHERE)
    assert ran.code == 2
    assert way in str(answer_of(ran) if json else error_of(ran))
    assert existing.exists() is line.startswith("restore")


@pytest.mark.parametrize(
    "line", ["status", "status --json", "init", "doctor", "store upgrade", "restore --yes"]
)
def test_without_the_driver_it_says_what_to_install(desk: Desk, line: str) -> None:
    """The store is another one without it, and never a folder of that name."""
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_DRIVER, "--store", NOWHERE, *line.split()],
        env=desk.environment(PINCLI_KEYS=str(desk.keys)),
        cwd=desk.store.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 8
    assert "pip install 'pincli[postgresql]'" in ran.stdout + ran.stderr
    assert sorted(path.name for path in desk.store.parent.iterdir()) == ["keys", "store"]


def test_the_sql_for_a_dba_is_printed_and_nothing_else(desk: Desk, database: Database) -> None:
    """It needs no store, no server and no driver; psql takes it as it is."""
    ran = desk.run("init", "--print-sql")
    assert (ran.code, ran.err) == (0, "")
    assert desk.run("init", "--print-sql", "--json").answer["sql"] == ran.out
    assert desk.run("--store", NOWHERE, "init", "--print-sql").out == ran.out
    with database.connect() as connection:
        connection.execute(ran.out.encode())
    made = database.sql("SELECT count(*) FROM pg_class WHERE relname IN ('people', 'trail')")
    assert made == [(2,)]


def test_who_belongs_to_the_owner_may_run_it(desk: Desk, database: Database) -> None:
    """A DBA need not be a superuser, nor be let give the membership that they have."""
    with database.connect("owner") as connection:
        connection.execute(desk.run("init", "--print-sql").out.encode())
