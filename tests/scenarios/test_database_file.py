"""Only SQLite opens the database file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.desk import Desk
from tests.support.driving import RIGHT, ROOT

DATABASE = {"pincli.db", "pincli.db-journal"}
LINES = (
    "verify alice --pin-stdin",
    "status alice",
    "user add bea --account acme",
    "import {people}",
    "reset bea --yes",
    "pin show bea",
    "audit list",
    "audit verify",
    "doctor",
    "keys rotate --portal",
    "backup {backup}",
    "restore {backup} --yes",
    "verify alice --pin-stdin",
)


def opened_by_python(desk: Desk, target: Path, line: str) -> set[Path]:
    """The files that one run of pincli opens, but for those that SQLite opens."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.drive_opens", str(target), *line.split()],
        input=f"{RIGHT}\n".encode(),
        env=desk.environment(PYTHONPATH=str(ROOT)),
        cwd=target.parent,
        capture_output=True,
        check=False,
    )
    assert ran.returncode in (0, 5), ran
    noted = target.read_text(errors="replace").splitlines()
    target.unlink()
    return {(target.parent / name).resolve() for name in noted if "\0" not in name}


def test_nothing_but_sqlite_opens_the_database(desk: Desk, tmp_path: Path) -> None:
    """Closing another descriptor of it would drop SQLite's locks, and let two writers in."""
    desk.collected("alice", pin=RIGHT)
    for path in desk.store.iterdir():
        path.chmod(0o600)  # the doctor would find fault with them
    people = tmp_path / "people.csv"
    people.write_text("user,account,name,type\ncarl,acme,Carl,cloud\n")
    for line in LINES:
        words = line.format(people=people, backup=tmp_path / "backup.db")
        opened = opened_by_python(desk, tmp_path / "opened", words)
        assert (desk.store / "pincli.lock").resolve() in opened or "verify alice" not in line
        assert [path for path in opened if path.name in DATABASE] == [], line
