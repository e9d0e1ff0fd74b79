"""Commands whose store is on a server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.as_sudo import call_by_sudo, read_instead
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk
from tests.support.postgresql import Database

NOWHERE = "postgresql://desk1@127.0.0.1:1/pincli"
"""An address where no server listens."""
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
    """Backup and restore of a file are wrong usage on a server; the DBA's way is in the hint."""
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
    """Without the driver a command is exit 8, and makes no folder of that name."""
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
    """`--print-sql` needs no store and no server; psql runs its output."""
    ran = desk.run("init", "--print-sql")
    assert (ran.code, ran.err) == (0, "")
    assert desk.run("init", "--print-sql", "--json").answer["sql"] == ran.out
    assert desk.run("--store", NOWHERE, "init", "--print-sql").out == ran.out
    with database.connect() as connection:
        connection.execute(ran.out.encode())
    made = database.sql("SELECT count(*) FROM pg_class WHERE relname IN ('people', 'trail')")
    assert made == [(2,)]


def of_host(desk: Desk, database: Database, login: str) -> dict[str, str]:
    """The variables of another host: its login and its own folder of keys."""
    keys = desk.keys.with_name(login)
    keys.mkdir(mode=0o700, exist_ok=True)
    return {"PINCLI_STORE": database.location(login), "PINCLI_KEYS": str(keys)}


def test_init_makes_it_all_where_its_login_may(desk: Desk, database: Database) -> None:
    """A member of the owner's role makes everything; a second init is refused."""
    owner, other = of_host(desk, database, "owner"), of_host(desk, database, "admin1")
    ran = call(desk, "init --json", **owner)
    assert answer_of(ran)["store"] == owner["PINCLI_STORE"]
    keys = {path.name for path in desk.keys.with_name("owner").iterdir()}
    assert {"verify.key", "audit.key", "portal.pub", "portal.key"} < keys  # and the mark
    again = call(desk, "init", **{**owner, "PINCLI_KEYS": other["PINCLI_KEYS"]})
    assert again.code == 7
    assert error_of(again)[1] == "it is left as it is; name another location with --store"
    assert not list(desk.keys.with_name("admin1").iterdir())


def test_init_goes_on_where_a_dba_has_begun(desk: Desk, database: Database) -> None:
    """A login that may not make the schema gets a hint; after the DBA's SQL, init works."""
    admin = of_host(desk, database, "admin1")
    ran = call(desk, "init", **admin)
    assert ran.code == 8
    message, hint = error_of(ran)
    assert "can't be made" in message
    assert "`pincli init --print-sql`" in hint
    assert not list(desk.keys.with_name("admin1").iterdir())
    with database.connect() as connection:
        connection.execute(call(desk, "init --print-sql").out.encode())
    assert call(desk, "status", **admin).code == 8
    assert call(desk, "init", **admin).code == 0
    (event,) = answer_of(call(desk, "audit list --json", **admin))["events"]
    assert event["kind"] == "initialised"


@pytest.fixture
def floor(desk: Desk, database: Database) -> dict[str, dict[str, str]]:
    """An admin's host with all keys, and a desk's with verify.key alone; Alice has a PIN."""
    call(desk, "init", **of_host(desk, database, "owner"))
    keys = desk.keys.with_name("owner")
    admin = {**of_host(desk, database, "admin1"), "PINCLI_KEYS": str(keys)}
    agent = of_host(desk, database, "desk1")
    shutil.copy(keys / "verify.key", agent["PINCLI_KEYS"])
    assert call(desk, "user add alice --account acme --name Alice", **admin).code == 0
    call(desk, "pin change alice --pin-stdin", "444159", **admin)
    return {"admin": admin, "desk": agent}


@pytest.mark.parametrize(
    "line", ["unlock alice --reason x", "user add bob --account acme", "audit verify"]
)
def test_a_command_without_its_key_on_this_host(
    desk: Desk, floor: dict[str, dict[str, str]], line: str
) -> None:
    """The hint for a missing key is to use a host that has it."""
    ran = call(desk, line, **floor["desk"])
    assert ran.code == 8
    assert "run it on a host that has it" in error_of(ran)[1]


def test_an_upgrade_is_the_owner_s(
    desk: Desk, database: Database, floor: dict[str, dict[str, str]]
) -> None:
    """Only the owner upgrades; a store of another version is not called missing."""
    owner = of_host(desk, database, "owner")
    assert answer_of(call(desk, "store upgrade --json", **owner))["upgraded"] is False
    refused = call(desk, "store upgrade", **floor["admin"])
    assert refused.code == 8
    assert "pincli_owner" in error_of(refused)[1]
    for version, advice in ((3, "upgrade pincli on this host"), (1, "`pincli store upgrade`")):
        database.sql("UPDATE pincli.store SET schema = %s", version)
        for line in ("status", "verify alice --pin-stdin"):
            ran = call(desk, line, "444159", **floor["desk"])
            assert ran.code == 8
            assert advice in error_of(ran)[1]


def test_a_restore_without_a_file_takes_the_database_in(
    desk: Desk, floor: dict[str, dict[str, str]]
) -> None:
    """After the DBA's restore every PIN is withdrawn."""
    ran = call(desk, "restore --yes --json", **floor["admin"])
    assert answer_of(ran)["withdrawn"] == 1
    assert call(desk, "verify alice --pin-stdin", "444159", **floor["desk"]).code == 5


def test_a_refusal_is_recorded_by_a_desk_that_can_not_seal(
    desk: Desk, floor: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal under sudo is recorded; store, keys, mark and roles are the deployment's."""
    monkeypatch.setenv("HOME", "/the/callers")
    place, mark = floor["desk"], desk.keys.with_name("mark")
    mark.mkdir(mode=0o700)
    path = desk.keys.with_name("pincli.toml")
    path.write_text(
        f'store = "{place["PINCLI_STORE"]}"\nkeys = "{place["PINCLI_KEYS"]}"\nmark = "{mark}"\n'
        '[roles]\nagent = ["nobody"]\n'
    )
    path.chmod(0o644)
    read_instead(path, monkeypatch)
    assert call_by_sudo(desk, "verify alice --pin-stdin", "444159").code == 0
    assert call_by_sudo(desk, "reset alice --yes").code == 7
    events = answer_of(call(desk, "audit list --json", **floor["admin"]))["events"]
    facts = tuple(events[0][key] for key in ("kind", "outcome", "agent"))
    assert facts == ("refused", "role", "nobody")
    assert [file.name[:5] for file in mark.iterdir()] == ["mark-"]
    assert {file.name for file in Path(place["PINCLI_KEYS"]).iterdir()} == {"verify.key"}
