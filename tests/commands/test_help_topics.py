"""`pincli help`: commands and topics, as text and as JSON."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

import pytest
import typer

from pincli.cli import app
from pincli.commands.registry import front_page
from pincli.views.exit_codes import EXIT_OF, ExitCode
from pincli.views.manual.topics import TOPICS
from tests.support.contract import COMMANDS, GROUPS, answer_of, call
from tests.support.desk import PROGRAM, Desk


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_of_a_command_is_its_help(floor: Desk, command: str) -> None:
    """`pincli help X` is `pincli X --help`, for every command and group, and alone."""
    assert call(floor, f"help {command}") == call(floor, f"{command} --help")


def test_the_sentences_of_the_front_page_are_the_commands_own() -> None:
    """They are written down twice for speed, and must not part."""
    front = typer.main.get_command(app)
    ctx = typer.Context(front)
    for section in front_page().values():
        for name, sentence in section.items():
            command = front.get_command(ctx, name)  # type: ignore[attr-defined]
            assert command.get_short_help_str(limit=200).rstrip(".") == sentence.rstrip("."), name


def test_the_exit_codes_are_the_program_s_own(floor: Desk) -> None:
    """One line a code, with what it means; the same by keys."""
    ran = call(floor, "help exit-codes")
    told = " ".join(ran.out.split())
    assert all(f" {int(code)} {code.meaning}" in told for code in ExitCode)
    codes = answer_of(call(floor, "help exit-codes --json"))["exit_codes"]
    assert [(each["code"], each["means"]) for each in codes] == [(c, c.meaning) for c in ExitCode]


def test_the_topics_are_all_told(floor: Desk) -> None:
    """`help --help` names each topic."""
    assert f"Topics: {', '.join(TOPICS)}; and man" in call(floor, "help --help").out


def test_the_words_of_errors_are_all_told(floor: Desk) -> None:
    """`help json` names each word that `error.code` can be."""
    out = call(floor, "help json").out
    assert all(word in out for word in EXIT_OF)


def test_the_environment_is_what_is_read(floor: Desk) -> None:
    """Each variable that the configuration reads is told."""
    out = call(floor, "help environment").out
    for variable in ("PINCLI_STORE", "PINCLI_KEYS", "XDG_DATA_HOME", "NO_COLOR", "SUDO_UID"):
        assert variable in out


def test_the_manual_by_keys_has_every_command(floor: Desk) -> None:
    """`help --json` is the whole manual for a program; `help X --json` one page of it."""
    manual = answer_of(call(floor, "help --json"))["commands"]
    assert {page["command"] for page in manual} == {"", *GROUPS, *COMMANDS}
    (page,) = answer_of(call(floor, "help verify --json"))["commands"]
    assert page in manual
    assert page["usage"] == "pincli verify [OPTIONS] USER"
    assert "pincli verify alice --ref T-4711" in page["examples"]
    assert {"name": "--ref TICKET", "means": "The ticket; recorded in the audit trail."} in page[
        "options"
    ]
    assert page["exit_codes"] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("line", ["help exit-codes", "help environment", "help json"])
def test_a_topic_fits(floor: Desk, line: str, columns: int) -> None:
    """No line is wider than a terminal."""
    out = floor.run(*line.split(), COLUMNS=str(columns)).out
    assert _too_wide(out.splitlines(), columns) == []


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_fits_60_columns(floor: Desk, command: str) -> None:
    """Nothing that can be wrapped is wider than a small terminal; examples stay whole."""
    out = floor.run(*command.split(), "--help", COLUMNS="60").out
    lines = [line for line in out.splitlines() if "pincli" not in line and "|" not in line]
    assert _too_wide(lines, 60) == []


def _too_wide(lines: Iterable[str], columns: int) -> list[str]:
    return [line for line in lines if len(line) > columns]


@pytest.mark.parametrize("line", ["help", "help exit-codes", "--help"])
def test_help_that_cannot_be_printed_is_an_error(desk: Desk, line: str) -> None:
    """Half a page must not pass for a whole one."""
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [*PROGRAM, *line.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            env=desk.environment(),
            check=False,
        )
    assert ended.returncode == 8
    assert b"could not be written" in ended.stderr


def test_help_needs_no_role_and_no_configuration(desk: Desk) -> None:
    """Under sudo, without the deployment's file, everything is refused but help."""
    for line in ("help", "help verify", "help exit-codes --json", "--help", "verify --help"):
        assert desk.run(*line.split(), SUDO_UID="4711").code == 0, line
