"""The man page is fresh, and valid roff."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from pincli.cli import app
from pincli.commands.command_tree import pages
from pincli.views.exit_codes import ExitCode
from pincli.views.manual import man
from pincli.views.manual.page import Page
from tests.support.contract import COMMANDS

PAGE = Path(__file__).resolve().parents[3] / ".man" / "pincli.1"

NASTY = (
    ".SH not a heading",
    "'br not a request",
    "a back\\slash, \\fBno bold\\fR",
    "quoted \"twice\" and 'once'",
    "caf\u00e9 \u2014 \u4e2d",
    "--long-option and a well-known word",
    "~/.config ^ `code`",
)


def made() -> str:
    """The page that the program makes now."""
    return man.page(pages(typer.main.get_command(app)))


def rendered(source: str, columns: int = 80) -> str:
    """The page as a person reads it."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed; CI installs it")
    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", f"-rLL={columns}n"],
        input=source,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def nasty_page() -> str:
    """A page in which every text looks like roff."""
    root = Page("", "[OPTIONS]", NASTY[0], description=NASTY)
    each = Page(
        "verify",
        "[OPTIONS] USER",
        "A command.",
        description=NASTY,
        options=tuple(("--an-option TEXT", text) for text in NASTY),
        examples=NASTY,
        notes=NASTY,
        exits=(ExitCode.DONE,),
    )
    return man.page([root, each])


def test_the_page_is_fresh() -> None:
    """Byte for byte what the program makes; else run `pincli help man > .man/pincli.1`."""
    assert PAGE.read_text(encoding="utf-8") == made(), "pincli help man > .man/pincli.1"


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_groff_finds_nothing_wrong(columns: int) -> None:
    """It warns of nothing, and shows every command, exit code and section."""
    text = rendered(made(), columns)
    words = " ".join(text.split())
    for command in COMMANDS:
        assert f"pincli {command}" in words
    for code in ExitCode:
        assert f"{int(code)} {code.meaning}" in words
    for heading in ("NAME", "SYNOPSIS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"):
        assert f"\n{heading}\n" in text


def test_mandoc_finds_nothing_wrong() -> None:
    """It warns only of the missing date."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed; CI installs it")
    ran = subprocess.run(
        ["mandoc", "-Tlint"], input=made(), capture_output=True, text=True, check=False
    )
    assert [line for line in ran.stdout.splitlines() if "missing date" not in line] == []


def test_no_text_is_read_as_roff() -> None:
    """Dots, quotes and backslashes in a text are shown as they are."""
    shown = rendered(nasty_page(), 200)
    for text in NASTY:
        assert text.replace("`code`", "code") in shown, text


def test_options_and_examples_can_be_copied() -> None:
    """Options and examples have ASCII hyphens."""
    shown = rendered(made())
    assert "\u2010" not in "".join(line for line in shown.splitlines() if "pincli" in line)
    assert "pincli status --account acme --locked --exit-code" in shown
    assert "--pin-stdin" in shown
