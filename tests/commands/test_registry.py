"""One function and one line in the registry make a command."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import pytest
import typer

from pincli.cli import app
from pincli.commands import registry
from pincli.commands.command_tree import pages
from pincli.commands.invocation import Invocation
from pincli.commands.options import UserArgument
from pincli.operations.people import require_user
from pincli.views.answer import Answer
from pincli.views.blocks import Note
from pincli.views.manual import man
from tests.support.as_sudo import Deploy, call_by_sudo, read_instead
from tests.support.contract import answer_of, call, error_of
from tests.support.desk import Desk

SUMMARY = "Wave at a customer."


TwiceOption = Annotated[bool, typer.Option("--twice", help="With both hands.")]


def wave(invocation: Invocation, user: UserArgument, twice: TwiceOption = False) -> Answer:
    """Wave at a customer. Nobody sees it.

    Example:
      pincli wave alice

    With both hands.
    """
    waved = require_user(invocation.open(), user).login
    return Answer({"waved": waved, "twice": twice}, lambda: [Note(f"waved at {waved}")])


@pytest.fixture(params=["wave", "pin wave"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new command, alone or in a group: one function and one line."""
    file = ModuleType("pincli.commands.waving")
    setattr(file, "wave", wave)  # noqa: B010
    monkeypatch.setitem(sys.modules, file.__name__, file)
    name = str(request.param)
    summary = "" if " " in name else SUMMARY
    audience = "The customer portal"
    line = registry.Entry(name, "waving:wave", audience, registry.ADMINS, (6,), summary)
    place = [entry.name for entry in registry.COMMANDS].index("unlock")
    commands = (*registry.COMMANDS[:place], line, *registry.COMMANDS[place:])
    monkeypatch.setattr(registry, "COMMANDS", commands)
    return name


def test_a_new_command_answers(floor: Desk, name: str) -> None:
    """It answers as text and as JSON."""
    assert call(floor, f"{name} alice").out == "waved at alice\n"
    answer = call(floor, f"{name} alice --twice --json").answer
    assert (answer["command"], answer["waved"], answer["twice"]) == (name, "alice", True)
    assert call(floor, f"{name} nobody").code == 6
    assert call(floor, f"{name} alice --json=no").code == 2


def test_a_new_command_is_in_the_help(floor: Desk, name: str) -> None:
    """The help lists it, and its own page has its exit codes."""
    listed = call(floor, f"{name.rpartition(' ')[0]} --help").out
    assert re.search(rf"^  wave +{SUMMARY}$", listed, re.MULTILINE)
    own = call(floor, f"{name} --help").out
    assert own == call(floor, f"help {name}").out
    assert own.startswith(f"Usage: pincli {name} [OPTIONS] USER\n")
    assert "Example:\n  pincli wave alice\n" in own
    codes = own.partition("Exit codes:\n")[2]
    assert [line.split()[0] for line in codes.splitlines() if line[2] != " "] == [
        "0", "1", "2", "6", "7", "8", "130",
    ]  # fmt: skip


def test_a_new_command_is_in_man_page_and_completions(floor: Desk, name: str) -> None:
    """Man page and completions have it too."""
    front = typer.main.get_command(app)
    assert f'.SS "pincli {name} [OPTIONS] USER"' in man.page(pages(front))
    assert f"--twice{chr(9)}" in call(floor, ["complete", "--", *name.split(), "--t"]).out


def test_a_new_command_is_suggested(floor: Desk, name: str) -> None:
    """A mistyped name gets the near one in the hint."""
    assert error_of(call(floor, f"{name}s alice"))[1] == f"did you mean `pincli {name}`?"


def test_a_new_command_has_its_roles(floor: Desk, give: Deploy, name: str) -> None:
    """Its roles are those of its line, and a refusal is recorded."""
    give("agent", "portal")
    refused = call_by_sudo(floor, f"{name} alice")
    assert refused.code == 7
    assert error_of(refused)[0] == f"you may not run `pincli {name}` here"
    assert [(e.command, e.outcome) for e in floor.events()][-1] == (name, "role")
    give("admin")
    assert call_by_sudo(floor, f"{name} alice").code == 0


def test_without_the_role_there_is_no_configuration(
    floor: Desk, give: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the role a command does not even get the configuration."""
    seen: list[object] = []

    def peek(invocation: Invocation) -> None:
        """Look where the store is.

        Example:
          pincli doctor
        """
        seen.append(invocation.config)

    from pincli.commands import store

    monkeypatch.setattr(store, "doctor", peek)
    give("agent")
    assert call_by_sudo(floor, "doctor").code == 7
    assert seen == []


@pytest.mark.parametrize(
    ("roles", "line", "hint"),
    [
        ("agent", "verify nobody --pin-stdin", "check the spelling with the caller"),
        ("agent", "status nobody", "check the spelling with the caller"),
        ("portal", "status nobody", "check the spelling with the caller"),
        (
            "admin",
            "status nobody",
            "check the spelling with the caller; `pincli user list` lists all users",
        ),
        ("portal", "pin show otto", "`pincli status otto`"),
        ("agent", "re", "`pincli --help` lists the commands"),
        ("admin", "res", "did you mean `pincli reset` or `pincli restore`?"),
        ("agent", "show", "`pincli --help` lists the commands"),
        ("portal", "show", "did you mean `pincli pin show`?"),
        ("agent", "import x --deactivate-missing", "ask an admin"),
        ("agent", "reset alice --yess", "did you mean `--yes`?"),
        ("agent", "reset alice --output", "`pincli reset --help` shows how"),
    ],
)
def test_a_hint_names_no_command_that_the_caller_may_not_run(
    floor: Desk, give: Deploy, roles: str, line: str, hint: str
) -> None:
    """A hint leaves out a command that the caller may not run."""
    give(*roles.split())
    assert error_of(call_by_sudo(floor, line, "111222\n"))[1] == hint


def test_without_roles_hints_name_every_command(floor: Desk) -> None:
    """Without roles, hints name every command."""
    assert "`pincli user list`" in error_of(call(floor, "status nobody"))[1]
    assert answer_of(call(floor, "status nobody --json"))["error"]["hint"].count("pincli") == 1


def test_without_a_configuration_hints_name_no_command(
    floor: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under sudo without a configuration, hints name no command."""
    read_instead(tmp_path / "pincli.toml", monkeypatch)
    assert error_of(call_by_sudo(floor, "re"))[1] == "`pincli --help` lists the commands"
