"""`completion` and `complete`: the shells' scripts and their candidates."""

from __future__ import annotations

import re
import shutil
import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from pincli.commands.completion import FILES, Shell, script
from pincli.store.sqlite.connection import SCHEMA_VERSION
from tests.store.population import Person, people_of, put
from tests.support.contract import COMMANDS, GROUPS, call
from tests.support.desk import PROGRAM, Desk
from tests.support.floor import content

COMPLETIONS = Path(__file__).resolve().parents[2] / "completions"
AT_MOST = 50
FOLDERS_MARK, FILES_MARK = ["\tfolders"], ["\tfiles"]


def test_all_scripts_are_written(desk: Desk, tmp_path: Path) -> None:
    """`--write DIR` writes all three scripts, under the shells' names, readable by everybody."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    ran = desk.run("completion", "--write", str(folder), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.answer["files"] == [str(folder / name) for name in FILES.values()]
    assert {path.name for path in folder.iterdir()} == set(FILES.values())
    for path in folder.iterdir():
        assert path.read_bytes() == (COMPLETIONS / path.name).read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("shell", Shell)
def test_a_script_is_printed(desk: Desk, shell: Shell) -> None:
    """As plain text, or in the JSON object."""
    bare = call(desk, f"completion {shell}")
    assert (bare.code, bare.out, bare.err) == (0, script(shell), "")
    answer = call(desk, f"completion {shell} --json").answer
    assert (answer["shell"], answer["script"]) == (shell, bare.out)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("completion", 2),
        ("completion tcsh", 2),
        ("completion bash zsh", 2),
        ("completion bash --write .", 2),
        ("completion --write /nowhere/at/all", 2),
        ("completion --write {store}", 7),
        ("completion --write {keys}", 7),
        ("completion --write {keys}/below", 7),
    ],
)
def test_wrong_usage_of_completion(desk: Desk, line: str, code: int) -> None:
    """No script is written into a folder with secrets, and half an order is wrong usage."""
    before = content(desk.store) | content(desk.keys)
    ran = call(desk, line.format(store=desk.store, keys=desk.keys))
    assert (ran.code, ran.out) == (code, "")
    assert "hint: " in ran.err
    assert content(desk.store) | content(desk.keys) == before


@pytest.mark.parametrize("path", ["", *GROUPS, *COMMANDS])
def test_candidates_are_those_of_the_help(desk: Desk, path: str) -> None:
    """Every command and option that `--help` shows, and no hidden one."""
    out = call(desk, f"{path} --help").out
    options = out.partition("\nOptions:\n")[2].partition("\n\n")[0]
    listed = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", options, re.MULTILINE))
    assert set(words(desk, *path.split(), "-")) == listed
    if path in ("", *GROUPS):
        below = out.partition("\nOptions:\n")[2].partition("\n\n")[2].partition("\nExample:\n")[0]
        commands = re.findall(r"^  ([a-z-]+) ", below, re.MULTILINE)
        assert words(desk, *path.split(), "") == commands != []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--store", ["--store"]),
        ("--store ", FOLDERS_MARK),
        ("--keys=", FOLDERS_MARK),
        ("status --account ", ["acme"]),
        ("status --account=A", ["--account=acme"]),
        ("status --state lo", ["locked"]),
        ("status --state=in", ["--state=inactive", "--state=ineligible"]),
        ("user add --type fed", ["federated"]),
        ("user add bea --account ", ["acme"]),
        ("user add al", []),
        ("user add bea --name al", []),
        ("verify --ref al", []),
        ("verify --ref=T al", ["alice"]),
        ("verify --ref --json al", ["alice"]),
        ("verify -- al", ["alice"]),
        ("verify -- -", []),
        ("verify alice ", ["--account", "--ref", "--pin-stdin", "--json", "--help"]),
        ("verify alice al", []),
        ("reset alice al", ["alice"]),
        ("reset --from-file ", FILES_MARK),
        ("reset --output=", FILES_MARK),
        ("import ", FILES_MARK),
        ("restore ", FILES_MARK),
        ("audit list --user al", ["alice"]),
        ("audit list --limit al", []),
        ("completion ", ["bash", "zsh", "fish"]),
        ("completion --write ", FOLDERS_MARK),
        ("help ex", ["exit-codes"]),
        ("pin sh", ["show"]),
        ("complet", ["completion"]),
        ("nonsense ", []),
        ("verify --nonsense=", []),
        *((f"{command} al", ["alice"]) for command in ("verify", "status", "unlock", "pin show")),
        *((f"user {command} al", ["alice"]) for command in ("show", "deactivate", "activate")),
    ],
)
def test_candidates_at_each_place(desk: Desk, line: str, found: list[str]) -> None:
    """Each place of a line has its candidates, or none where the value is free text."""
    desk.add("alice")
    assert words(desk, *line.split(" ")) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("verify al", ["alice"]),
        ("verify ALICE ", ["--account"]),
        ("verify alice --account ", ["acme", "globex"]),
        ("verify alice --account=G", ["--account=globex"]),
        ("audit list --user alice --account ", ["acme", "globex"]),
        ("lock bob dan --account ", ["acme", "initech"]),
        ("verify bob --account ", ["acme"]),
        ("verify nobody --account ", ["acme", "globex", "initech"]),
        ("user add alice --account ", ["acme", "globex", "initech"]),
        ("user edit alice --account acme --move-to ", ["acme", "globex", "initech"]),
        ("user rename alice al", []),
        ("verify alice --account acme --r", ["--ref"]),
    ],
)
def test_an_ambiguous_login_is_followed_by_its_accounts(
    desk: Desk, line: str, found: list[str]
) -> None:
    """After an ambiguous login comes `--account`, with its accounts only."""
    for user, account in (
        p.split() for p in ("alice acme", "alice globex", "bob acme", "dan initech")
    ):
        desk.add(user, account)
    assert words(desk, *line.split(" ")) == found
    assert "--ref" in words(desk, *["verify", "bob", ""])
    assert "--ref" in words(desk, *["verify", "alice", "--account", "acme", ""])


def test_names_by_prefix_in_order(desk: Desk) -> None:
    """Users and accounts in alphabetical order, each account once."""
    for user, account in (("bob", "b@x"), ("alice", "acme"), ("al", "acme"), ("am", "ac-2")):
        desk.add(user, account)
    assert names(desk, "users", "al") == ["al", "alice"]
    assert names(desk, "users", "") == ["al", "alice", "am", "bob"]
    assert names(desk, "users") == ["al", "alice", "am", "bob"]
    assert names(desk, "users", "c") == []
    assert names(desk, "accounts", "ac") == ["ac-2", "acme"]
    assert names(desk, "accounts", "b@") == ["b@x"]


def test_a_prefix_is_made_canonical_and_is_no_pattern(desk: Desk) -> None:
    """Capitals, blanks and wide letters find the same names; a wildcard finds none."""
    desk.add("alice", "smith & sons")
    for prefix in ("AL", " al", "\uff41\uff4c"):
        assert names(desk, "users", prefix) == ["alice"], prefix
    assert names(desk, "accounts", "Smith  & s") == ["smith & sons"]
    for prefix in ("%", "a%", "_", "a*", "a'--", "a\tb", "@x", "a" * 255):
        assert names(desk, "users", prefix) == [], prefix


@pytest.mark.parametrize("what", ["users", "accounts"])
def test_of_many_names_the_first_and_the_last(desk: Desk, what: str) -> None:
    """The last one is there too, so that a shell types no more than what all names share."""
    everybody = [f"al{number:03}" for number in range(120)] + ["alz"]
    _fill(desk, [(name, name) for name in everybody])
    found = names(desk, what, "al")
    assert found == [*everybody[: AT_MOST - 1], "alz"]
    exactly = [name for name in everybody if name < "al050"]
    assert names(desk, what, "al0")[:AT_MOST] == [*exactly[: AT_MOST - 1], "al099"]


def test_names_as_json(desk: Desk) -> None:
    """`complete --json` answers with one object, like every command."""
    desk.add("alice")
    assert call(desk, "complete --json -- verify al").answer["candidates"] == ["alice"]
    assert call(desk, "complete --json -- verify ?").answer["candidates"] == []


@pytest.mark.parametrize("damage", ["no store", "no keys", "no database", "empty", "newer"])
def test_a_broken_store_is_silent(desk: Desk, damage: str) -> None:
    """A Tab prints no error; it needs no keys."""
    desk.add("alice")
    if damage == "no store":
        shutil.rmtree(desk.store)
    elif damage == "no keys":
        shutil.rmtree(desk.keys)
    elif damage == "no database":
        desk.database.write_bytes(b"not a database" * 100)
    elif damage == "empty":
        desk.database.write_bytes(b"")
    else:
        desk.sql("PRAGMA user_version = 1000")
    assert names(desk, "users", "al") == (["alice"] if damage == "no keys" else [])


def test_a_tab_loads_nothing_heavy(desk: Desk) -> None:
    """A Tab loads no library that only other commands need."""
    desk.add("alice")
    ended = subprocess.run(
        [PROGRAM[0], "-X", "importtime", *PROGRAM[1:], "complete", "--", "verify", "al"],
        capture_output=True,
        env=desk.environment(),
        check=True,
        text=True,
    )
    assert ended.stdout == "alice\n"
    loaded = set(re.findall(r"\| +(\w+)", ended.stderr))
    assert {"typer", "sqlite3"} <= loaded
    assert not loaded & {"rich", "sqlite_utils", "passlib", "argon2", "cryptography", "tempfile"}


def test_a_locked_database_offers_no_name(desk: Desk) -> None:
    """With the database locked by a writer, a Tab ends within seconds and offers no name."""
    desk.add("alice")
    with closing(sqlite3.connect(desk.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        assert names(desk, "users", "al") == []
        assert time.monotonic() - begun < 5


def test_completion_writes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Tab writes nothing, and does not upgrade an older store: it offers no name then."""
    desk.add("alice")
    before = content(desk.store)
    assert names(desk, "users", "al") == ["alice"]
    monkeypatch.setattr("pincli.store.sqlite.engine.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert names(desk, "users", "al") == []
    assert content(desk.store) == before


@pytest.mark.parametrize("planted", ["al\n", "al\x1b[2J", "al\t", "al\u202e"])
def test_control_characters_are_not_offered(desk: Desk, planted: str) -> None:
    """Control characters in the database never reach an agent's terminal."""
    _fill(desk, [(planted, planted), ("alice", "al")])
    assert names(desk, "users", "al") == ["alice"]
    assert names(desk, "accounts", "al") == ["al"]


@pytest.mark.parametrize("column", ["login", "account"])
def test_each_name_is_one_step_in_an_index(desk: Desk, column: Literal["login", "account"]) -> None:
    """Each name is one search in an index, without a table scan or a sort."""
    _fill(desk, [("alice", "acme"), ("bob", "acme"), ("carol", "globex")])
    with closing(sqlite3.connect(desk.database)) as connection:
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        people_of(connection).with_prefix(column, "", limit=2)
        connection.set_trace_callback(None)
        assert len(asked) == 3
        for statement in asked:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            details = [detail for *_, detail in plan]
            assert any(d.startswith("SEARCH people USING COVERING INDEX") for d in details), details
            assert not any(d.startswith("SCAN people") or "TEMP" in d for d in details), details


def names(desk: Desk, what: str, prefix: str = "") -> list[str]:
    """The candidates for users or accounts."""
    return words(desk, *(["verify"] if what == "users" else ["status", "--account"]), prefix)


def words(desk: Desk, *line: str) -> list[str]:
    """What `complete` prints, without the help, as the scripts call it."""
    ran = call(desk, ["complete", "--", *line])
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "".join(f"{each}\n" for each in ran.out.splitlines())
    return [each.partition("\t")[0] or each for each in ran.out.splitlines()]


def _fill(desk: Desk, rows: list[tuple[str, str]]) -> None:
    """Put users and accounts straight into the table, also ones that no rule allows."""
    with closing(sqlite3.connect(desk.database)) as connection, connection:
        put(connection, [Person(user, account) for user, account in rows])
