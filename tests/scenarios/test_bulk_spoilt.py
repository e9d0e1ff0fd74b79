"""Bulk work beside records that nobody can read: those are left out and named, at exit 8."""

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
COMMANDS = {
    "reset --all --yes": "withdrawn",
    "reset --account acme --yes": "withdrawn",
    "reset alice bob carol --yes": "withdrawn",
    "reset --all --yes --issue": "issued",
    "reset --account acme --dry-run": "kept",
    "reset alice --yes": "kept",
}


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
    ("edit", "command", "becomes"),
    [
        pytest.param(edit, command, becomes, id=f"{name}-{command}")
        for name, edit in SPOILT.items()
        for command, becomes in COMMANDS.items()
        # Nobody has that login then.
        if not (edit.startswith("login") and "alice" in command)
    ],
)
def test_a_reset_goes_on_without_them(floor: Desk, edit: str, command: str, becomes: str) -> None:
    """Everybody else is reset, and the sentence names who was not."""
    _spoil(floor, edit)
    before = _versions(floor)
    ran = floor.run(*command.split(), "--reason", "r", "--json")
    assert (ran.code, ran.answer["error"]["code"]) == (UNAVAILABLE, "tampered"), ran
    assert ("\ufffdA" if edit.startswith("login") else "alice") in ran.answer["error"]["message"]
    after = _versions(floor)
    assert after.pop(1) == before.pop(1)
    expected = {"withdrawn": (2, False), "issued": (3, True), "kept": (1, True)}[becomes]
    assert set(after.values()) == {expected}


@pytest.mark.parametrize("edit", [SPOILT["type"], SPOILT["name"]], ids=["type", "name"])
def test_an_import_goes_on_without_them(floor: Desk, edit: str) -> None:
    """The rows of others are taken; the sentence names who was not."""
    _spoil(floor, edit)
    path = floor.store.parent / "people.csv"
    rows = "".join(f"{user},acme,New,cloud\n" for user in ("alice", "bob", "dave"))
    path.write_text(f"user,account,name,type\n{rows}")
    ran = floor.run("import", str(path), "--json")
    assert (ran.code, ran.answer["error"]["code"]) == (UNAVAILABLE, "tampered"), ran
    assert "alice" in ran.answer["error"]["message"]
    named = floor.sql("SELECT login FROM people WHERE display_name = 'New' ORDER BY login")
    assert named == [("bob",), ("dave",)]
