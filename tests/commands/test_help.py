"""`--help` everywhere: it says what the command does, shows an example and fits 80 columns."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from pincli import __version__
from pincli.commands.registry import words_below
from tests.support.contract import COMMANDS, GROUPS, call
from tests.support.desk import Desk

COLUMNS = 80


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_is_there(floor: Desk, command: str, flag: str) -> None:
    """Exit 0, usage, a description, and nothing on stderr; both spellings say the same."""
    ran = call(floor, f"{command} {flag}")
    assert (ran.code, ran.err) == (0, "")
    usage, blank, description, *_ = ran.out.splitlines()
    assert usage.startswith(f"Usage: pincli {command}".rstrip())
    assert blank == ""
    assert re.fullmatch(r"  [A-Z].{9,}", description)
    assert "Show this message and exit." in ran.out


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_has_an_example(floor: Desk, command: str) -> None:
    """An example is a line of its own that calls this very command."""
    lines = [line.strip() for line in call(floor, f"{command} --help").out.splitlines()]
    assert "Example:" in lines
    examples = lines[lines.index("Example:") + 1 :]
    called = rf"(.* \| )?pincli (--\w+ \S+ )*{command}".rstrip()
    assert any(re.match(called, line) for line in examples), examples


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_use_options_that_exist(floor: Desk, command: str) -> None:
    """With --help behind it no example is run, but its options are parsed."""
    lines = call(floor, f"{command} --help").out.splitlines()
    examples = [line.strip() for line in lines if line.startswith("  pincli ")]
    assert examples
    for line in examples:
        typed = line.removeprefix("pincli ").partition(" | ")[0]
        assert call(floor, f"{typed} --help").code == 0, line


@pytest.mark.parametrize("command", ["", *GROUPS, *COMMANDS])
def test_help_fits_80_columns(floor: Desk, command: str) -> None:
    """No line is wider than a terminal, and none of Click's cut-off sentences stands in it."""
    out = floor.run(*command.split(), "--help").out  # a process: Typer's runner has its own width
    assert [line for line in out.splitlines() if len(line) > COLUMNS] == []
    assert re.findall(r"^  [a-z-]+ {2,}.*\.\.\.$", out, re.MULTILINE) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_calls_arguments_as_the_contract_does(floor: Desk, command: str) -> None:
    """Usage lines say USER, not `{user}`, `{USER}` or `TEXT`."""
    usage = call(floor, f"{command} --help").out.splitlines()[0]
    assert re.fullmatch(rf"Usage: pincli {command} \[OPTIONS\]( \[?[A-Z]+(\.\.\.)?\]?)*", usage)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(floor: Desk, command: str) -> None:
    """Each option's line, or the line below it, has a sentence; every command has --json."""
    out = call(floor, f"{command} --help").out
    assert re.search(r"^  --json +Answer with one JSON object\.$", out, re.MULTILINE)
    lines = out.splitlines()
    for line, following in pairwise(lines):
        if line.startswith("  -"):
            told = line if re.search(r"\S {2,}[A-Z]", line) else following
            assert re.search(r"\S? {2,}[A-Z']", told), line


def test_the_root_lists_every_command(floor: Desk) -> None:
    """`pincli --help` names each command with a whole sentence."""
    out = call(floor, "--help").out
    listed = re.findall(r"^  ([a-z]+) {2,}[A-Z].*\.$", out, re.MULTILINE)
    assert listed == words_below("", hidden=False)
    assert {name.partition(" ")[0] for name in COMMANDS} <= set(listed)


def test_the_root_tells_the_exit_codes(floor: Desk) -> None:
    """Scripts go by the exit codes: the first page has them all."""
    out = " ".join(call(floor, "--help").out.split())
    for code in ("0 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 ", "130 "):
        assert re.search(rf"[ ,]{code}\w", out), code


def test_pincli_alone_is_its_help(floor: Desk) -> None:
    """Without a word, pincli shows its help."""
    alone = floor.run()
    assert (alone.code, alone.err) == (0, "")
    assert alone.out.startswith("Usage: pincli ")
    assert alone == floor.run("--help")


@pytest.mark.parametrize("store", ["there", "missing"])
def test_the_version_is_shown(floor: Desk, store: str) -> None:
    """`--version` prints name and number, and needs no store."""
    if store == "missing":
        floor.database.unlink()
    ran = call(floor, "--version")
    assert (ran.code, ran.out, ran.err) == (0, f"pincli {__version__}\n", "")


def test_help_needs_no_store(floor: Desk) -> None:
    """Help comes first, whatever else is missing or wrong on the line."""
    floor.database.unlink()
    for line in ("verify --help", "verify a b c --help", "user add --help", "reset --unlock -h"):
        assert call(floor, line).code == 0, line
