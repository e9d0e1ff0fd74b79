"""The exit codes that each command's help names: those that it can end with, and no other."""

from __future__ import annotations

import re

import pytest
import typer

from pincli.cli import app
from pincli.commands import registry
from pincli.commands.command_tree import pages
from pincli.views.exit_codes import ExitCode
from tests.commands.table import TABLE
from tests.support.contract import COMMANDS, call
from tests.support.desk import Desk

MEANING = {int(code): code.meaning for code in ExitCode}
OF_ANY = {0, 1, 2, 8, 130}
NEED_A_ROLE = {entry.name for entry in registry.COMMANDS if entry.allowed}

BEYOND_THE_TABLE = {
    "reset": {"reset --account nowhere --yes": 6},
    "import": {"import - --deactivate-missing --account nowhere --yes": 6},
    "user list": {"user list --account nowhere": 6},
    "completion": {"completion --write {store}": 7},
}
"""Ways to end that stand in no table of cases, by command."""


def declared() -> dict[str, set[int]]:
    """The exit codes in the manual, by command."""
    front = typer.main.get_command(app)
    return {page.command: set(map(int, page.exits)) for page in pages(front) if page.exits}


def in_the_table(command: str) -> set[int]:
    """The codes that the contract's table says a command ends with."""
    return {case.code for case in TABLE if f"{case.line} ".startswith(f"{command} ")}


def test_every_command_declares_how_it_ends() -> None:
    """Whoever adds a command says it; what any command can do is never left out."""
    assert set(declared()) == set(COMMANDS)
    assert all(codes >= OF_ANY for codes in declared().values())


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_ends_otherwise_than_declared(command: str) -> None:
    """Each case of the contract, and a refusal of who lacks the role, is in the declaration."""
    expected = in_the_table(command) | ({7} if command in NEED_A_ROLE else set())
    assert expected <= declared()[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_declares_nothing_that_never_happens(command: str) -> None:
    """Each code is some case's in the table, or one below, or every command's."""
    seen = in_the_table(command) | set(BEYOND_THE_TABLE.get(command, {}).values())
    seen |= {7} if command in NEED_A_ROLE else set()
    assert declared()[command] - OF_ANY - seen == set()


@pytest.mark.parametrize(
    ("line", "code"), [case for cases in BEYOND_THE_TABLE.values() for case in cases.items()]
)
def test_what_the_table_leaves_out_happens(floor: Desk, line: str, code: int) -> None:
    """The further ways to end are real ones."""
    stdin = "user,account,name,type\nzoe,acme,Zoe,cloud\n"
    ran = floor.run(*line.format(store=floor.store).split(), stdin=stdin)
    assert ran.code == code


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_shows_what_is_declared(floor: Desk, command: str) -> None:
    """Number and meaning, a line each, in order."""
    out = call(floor, f"{command} --help").out
    section = out.partition("\nExit codes:\n")[2]
    found = re.findall(r"^  (\d+) +(.*(?:\n {7}.*)*)", section, re.MULTILINE)
    shown = [(int(code), " ".join(text.split())) for code, text in found]
    assert shown == [(code, MEANING[code]) for code in sorted(declared()[command])]
