"""Bulk work leaves out records that can't be read, names them, and ends with exit 8."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.support.desk import Desk
from tests.support.driving import RIGHT
from tests.support.tampering import UNAVAILABLE

SPOILT = {
    "type": "type = 'clown'",
    "who set the PIN": "pin_set_by = 'nobody'",
    "name": "display_name = CAST(x'ff41' AS TEXT)",
    "agent": "last_attempt_by = CAST(x'ff41' AS TEXT)",
    "login": "login = CAST(x'ff41' AS TEXT)",
}
WITHDRAWN, ISSUED, KEPT = (2, False), (3, True), (1, True)
COMMANDS = {
    "reset --all --yes": WITHDRAWN,
    "reset --account acme --yes": WITHDRAWN,
    "reset alice bob carol --yes": WITHDRAWN,
    "reset --all --yes --issue": ISSUED,
    "reset --account acme --dry-run": KEPT,
    "reset alice --yes": KEPT,
}
"""What becomes of the others: the PIN's version, and whether there is one."""


@pytest.fixture
def floor(desk: Desk) -> Desk:
    """Three people of one account, with PINs."""
    for user in ("alice", "bob", "carol"):
        desk.collected(user, pin=RIGHT)
    return desk


def _spoil(desk: Desk, edit: str) -> None:
    with closing(sqlite3.connect(desk.database)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE people SET {edit} WHERE login = 'alice'")  # noqa: S608
        connection.commit()


def _versions(desk: Desk) -> dict[int, tuple[int, bool]]:
    """By row: the PIN's version, and whether there is one."""
    found = desk.sql("SELECT id, pin_version, question IS NULL FROM people")
    return {row: (version, not gone) for row, version, gone in found}


@pytest.mark.parametrize(
    ("edit", "command"),
    [(SPOILT["type"], command) for command in COMMANDS]
    + [(edit, "reset --all --yes") for name, edit in SPOILT.items() if name != "type"],
)
def test_a_reset_goes_on_without_them(floor: Desk, edit: str, command: str) -> None:
    """Everybody else is reset, and the error names who was not."""
    _spoil(floor, edit)
    before = _versions(floor)
    ran = floor.run(*command.split(), "--reason", "r", "--json")
    assert (ran.code, ran.answer["error"]["code"]) == (UNAVAILABLE, "tampered"), ran
    assert ("\ufffdA" if edit.startswith("login") else "alice") in ran.answer["error"]["message"]
    after = _versions(floor)
    assert after.pop(1) == before.pop(1)
    assert set(after.values()) == {COMMANDS[command]}


@pytest.mark.parametrize("edit", [SPOILT["type"], SPOILT["name"]], ids=["type", "name"])
def test_an_import_goes_on_without_them(floor: Desk, edit: str) -> None:
    """The rows of others are imported, and the error names who was left out."""
    _spoil(floor, edit)
    path = floor.store.parent / "people.csv"
    rows = "".join(f"{user},acme,New,cloud\n" for user in ("alice", "bob", "dave"))
    path.write_text(f"user,account,name,type\n{rows}")
    ran = floor.run("import", str(path), "--json")
    assert (ran.code, ran.answer["error"]["code"]) == (UNAVAILABLE, "tampered"), ran
    assert "alice" in ran.answer["error"]["message"]
    named = floor.sql("SELECT login FROM people WHERE display_name = 'New' ORDER BY login")
    assert named == [("bob",), ("dave",)]
