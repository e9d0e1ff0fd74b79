"""Help: `--help` of every command, `pincli help`, and the exit codes that they list."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer

from pincli import __version__
from pincli.cli import app
from pincli.commands import registry
from pincli.commands.command_tree import pages, root
from pincli.views.exit_codes import EXIT_OF, ExitCode
from pincli.views.manual.topics import ABOUT, REFERENCES
from tests.commands.table import TABLE
from tests.support.contract import COMMANDS, GROUPS, answer_of, call
from tests.support.desk import PROGRAM, Desk
from tests.support.terminal import terminal

FRONT = typer.main.get_command(app)
EVERYTHING = ["", *GROUPS, *COMMANDS]
OF_ANY = {0, 1, 2, 8, 130}
BEYOND_THE_TABLE = {
    "reset": {"reset --account nowhere --yes": 6},
    "import": {"import - --deactivate-missing --account nowhere --yes": 6},
    "completion": {"completion --write {store}": 7},
}
"""Exit codes that have no case in the table, by command."""


@pytest.fixture
def nowhere(tmp_path: Path) -> Desk:
    """A machine without a store."""
    return Desk(tmp_path / "store", tmp_path / "keys")


@pytest.mark.parametrize("command", EVERYTHING)
def test_help_is_there(nowhere: Desk, command: str) -> None:
    """`--help`, `-h` and `pincli help` print the same: usage, description and example."""
    ran = call(nowhere, f"{command} --help")
    assert ran == call(nowhere, f"{command} -h") == call(nowhere, f"help {command}")
    assert (ran.code, ran.err) == (0, "")
    usage, blank, description, *_ = ran.out.splitlines()
    assert usage.startswith(f"Usage: pincli {command}".rstrip())
    assert blank == ""
    assert re.fullmatch(r"  [A-Z].{9,}", description)
    assert "Show this message and exit." in ran.out
    examples = [line.strip() for line in ran.out.partition("\nExample:\n")[2].splitlines()]
    called = rf"(.* \| )?pincli (--\w+ \S+ )*{command}".rstrip()
    assert any(re.match(called, line) for line in examples), examples


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_complete(nowhere: Desk, command: str) -> None:
    """Usage says USER, each option has a sentence, and examples use existing options."""
    out = call(nowhere, f"{command} --help").out
    lines = out.splitlines()
    assert re.fullmatch(rf"Usage: pincli {command} \[OPTIONS\]( \[?[A-Z]+(\.\.\.)?\]?)*", lines[0])
    assert re.search(r"^  --json +Answer with one JSON object\.$", out, re.MULTILINE)
    for line, following in pairwise(lines):
        if line.startswith("  -"):
            text = line if re.search(r"\S {2,}[A-Z]", line) else following
            assert re.search(r"\S? {2,}[A-Z']", text), line
    examples = [line.strip() for line in lines if line.startswith("  pincli ")]
    assert examples
    for line in examples:
        typed = line.removeprefix("pincli ").partition(" | ")[0]
        assert call(nowhere, f"{typed} --help").code == 0, line


@pytest.mark.parametrize("columns", [60, 80])
def test_help_fits_the_terminal(columns: int) -> None:
    """No line but an example is wider; at 80 columns no sentence is cut off."""
    for place in root(FRONT).walk():
        place.ctx.terminal_width = columns
        text = place.ctx.get_help()
        lines = [line for line in text.splitlines() if "pincli" not in line and "|" not in line]
        assert [line for line in lines if len(line) > columns] == [], place.path
        if columns == 80:
            assert re.findall(r"^  [a-z-]+ {2,}.*\.\.\.$", text, re.MULTILINE) == []
    for text_of in REFERENCES.values():
        assert [line for line in text_of(columns).splitlines() if len(line) > columns] == []


def test_the_root_lists_every_command_and_exit_code(nowhere: Desk) -> None:
    """Each command with a whole sentence, the one of its own help."""
    out = call(nowhere, "--help").out
    listed = re.findall(r"^  ([a-z]+) {2,}[A-Z].*\.$", out, re.MULTILINE)
    assert listed == registry.words_below("", hidden=False)
    assert {name.partition(" ")[0] for name in COMMANDS} <= set(listed)
    for code in ("0 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 ", "130 "):
        assert re.search(rf"[ ,]{code}\w", " ".join(out.split())), code
    ctx = typer.Context(FRONT)
    for section in registry.front_page().values():
        for name, sentence in section.items():
            command = FRONT.get_command(ctx, name)  # type: ignore[attr-defined]
            assert command.get_short_help_str(limit=200).rstrip(".") == sentence.rstrip("."), name


def test_pincli_alone_is_its_help(nowhere: Desk) -> None:
    """Without a word, pincli shows its help."""
    alone = nowhere.run()
    assert (alone.code, alone.err) == (0, "")
    assert alone.out.startswith("Usage: pincli ")
    assert alone == nowhere.run("--help")


def test_help_comes_before_all_errors(nowhere: Desk) -> None:
    """`--help` wins over every error on the line; it and `--version` need no store."""
    for line in ("verify --help", "verify a b c --help", "user add --help", "reset --unlock -h"):
        assert call(nowhere, line).code == 0, line
    ran = call(nowhere, "--version")
    assert (ran.code, ran.out, ran.err) == (0, f"pincli {__version__}\n", "")


# Topics.


def test_the_exit_codes_are_the_program_s_own(nowhere: Desk) -> None:
    """Each code has a line with its meaning; JSON has the same."""
    shown = " ".join(call(nowhere, "help exit-codes").out.split())
    assert all(f" {int(code)} {code.meaning}" in shown for code in ExitCode)
    codes = answer_of(call(nowhere, "help exit-codes --json"))["exit_codes"]
    assert [(each["code"], each["means"]) for each in codes] == [(c, c.meaning) for c in ExitCode]


def test_the_topics_are_complete(nowhere: Desk) -> None:
    """Every topic, every word of `error.code`, every variable that the configuration reads."""
    for line, heading in (("help --help", "Topics:"), ("help", "Topics of `pincli help TOPIC`:")):
        assert f"{heading} {', '.join(ABOUT)}" in " ".join(call(nowhere, line).out.split())
    assert all(word in call(nowhere, "help json").out for word in EXIT_OF)
    environment = call(nowhere, "help environment").out
    for variable in ("PINCLI_STORE", "PINCLI_KEYS", "XDG_DATA_HOME", "NO_COLOR", "SUDO_UID"):
        assert variable in environment


def test_a_chapter_has_styles_on_a_terminal_only(nowhere: Desk) -> None:
    """Bold code on a terminal; in a pipe and with NO_COLOR the same text without styles."""
    piped = nowhere.run("help", "cron").out
    assert "\x1b" not in piped
    assert "`pincli help deployment`" in piped
    for env, style in (({}, "\x1b[1m"), ({"NO_COLOR": "1"}, "`")):
        with terminal(nowhere, "help", "cron", env=env) as opened:
            assert opened.end() == 0
            assert f"{style}pincli help deployment" in opened.raw.decode()


def test_the_manual_by_keys_has_every_command(nowhere: Desk) -> None:
    """`help --json` is the whole manual for a program; `help X --json` one page of it."""
    manual = answer_of(call(nowhere, "help --json"))["commands"]
    assert {page["command"] for page in manual} == {*EVERYTHING}
    (page,) = answer_of(call(nowhere, "help verify --json"))["commands"]
    assert page in manual
    assert page["usage"] == "pincli verify [OPTIONS] USER"
    assert "pincli verify alice --ref T-4711" in page["examples"]
    assert {"name": "--ref TICKET", "means": "The ticket; recorded in the audit trail."} in page[
        "options"
    ]
    assert page["exit_codes"] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]


@pytest.mark.parametrize("line", ["help", "help exit-codes", "--help"])
def test_help_that_cannot_be_printed_is_an_error(nowhere: Desk, line: str) -> None:
    """Help that can't be written is exit 8."""
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [*PROGRAM, *line.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            env=nowhere.environment(),
            check=False,
        )
    assert ended.returncode == 8
    assert b"could not be written" in ended.stderr


def test_help_needs_no_role_and_no_configuration(nowhere: Desk) -> None:
    """Under sudo and without the deployment's file, help still works."""
    for line in ("help", "help verify", "help exit-codes --json", "--help", "verify --help"):
        assert call(nowhere, line, SUDO_UID="4711").code == 0, line


# Exit codes: a command's help names those that it can end with, and no other.


def declared() -> dict[str, set[int]]:
    """The exit codes in the manual, by command."""
    return {page.command: set(map(int, page.exits)) for page in pages(FRONT) if page.exits}


def seen(command: str) -> Iterator[int]:
    """The codes that a command ends with in the table, or for want of a role."""
    yield from (case.code for case in TABLE if f"{case.line} ".startswith(f"{command} "))
    yield from (7 for entry in registry.COMMANDS if entry.allowed and entry.name == command)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_declares_its_exit_codes(nowhere: Desk, command: str) -> None:
    """The codes in the help are those that the table has, no others, in order."""
    codes, in_table = declared()[command], set(seen(command))
    assert codes >= OF_ANY | in_table
    assert codes - OF_ANY - in_table - set(BEYOND_THE_TABLE.get(command, {}).values()) == set()
    section = call(nowhere, f"{command} --help").out.partition("\nExit codes:\n")[2]
    found = re.findall(r"^  (\d+) +(.*(?:\n {7}.*)*)", section, re.MULTILINE)
    shown = [(int(code), " ".join(text.split())) for code, text in found]
    assert shown == [(int(code), code.meaning) for code in ExitCode if code in codes]


@pytest.mark.parametrize(
    ("line", "code"), [case for cases in BEYOND_THE_TABLE.values() for case in cases.items()]
)
def test_what_the_table_leaves_out_happens(floor: Desk, line: str, code: int) -> None:
    """The exit codes that have no case in the table do happen."""
    stdin = "user,account,name,type\nzoe,acme,Zoe,cloud\n"
    assert call(floor, line.format(store=floor.store), stdin).code == code
