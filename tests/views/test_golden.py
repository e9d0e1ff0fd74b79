"""The main screens, letter by letter, and their pictures in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import gallery
from tests.support.redraw import GOLDEN, PICTURED, PICTURES, everything
from tests.support.terminal import cells

AGAIN = "python -m tests.support.redraw"


@pytest.fixture(scope="module")
def drawn() -> dict[Path, str]:
    """Every file as it would be made now."""
    return dict(everything())


@pytest.mark.parametrize("screen", gallery.SCREENS)
def test_a_screen_matches_its_golden_text(drawn: dict[Path, str], screen: str) -> None:
    """In a pipe, and at 60, 80 and 200 columns."""
    path = GOLDEN / f"{screen}.txt"
    assert drawn[path] == path.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("screen", PICTURED)
def test_a_picture_matches_the_program(drawn: dict[Path, str], screen: str) -> None:
    """Byte for byte; it loads nothing from elsewhere."""
    path = PICTURES / f"{screen}.svg"
    assert drawn[path] == path.read_text(encoding="utf-8"), AGAIN
    assert "url(http" not in drawn[path]


@pytest.mark.parametrize("screen", gallery.SCREENS)
def test_a_screen_fits_its_terminal(drawn: dict[Path, str], screen: str) -> None:
    """No line is wider than the terminal or ends with blanks."""
    for part in drawn[GOLDEN / f"{screen}.txt"].split("$ pincli ")[2:]:
        command, *lines = part.splitlines()
        columns = int(command.split("# ")[1].split()[0])
        assert [line for line in lines if cells(line) > columns or line != line.rstrip()] == []


def test_there_are_no_files_of_former_screens(drawn: dict[Path, str]) -> None:
    """Every golden text and picture belongs to a screen."""
    assert {*GOLDEN.iterdir(), *PICTURES.iterdir()} == set(drawn)
