"""The main screens, letter by letter, and their pictures in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import gallery
from tests.support.redraw import GOLDEN, PICTURED, PICTURES, everything
from tests.support.terminal import cells

AGAIN = "python -m tests.support.redraw"

pytestmark = pytest.mark.xdist_group("golden")  # one process draws it all


@pytest.fixture(scope="module")
def drawn() -> dict[Path, str]:
    """Every file as it would be made now."""
    return dict(everything())


def test_a_screen_matches_its_golden_text(drawn: dict[Path, str]) -> None:
    """In a pipe, and at 60, 80 and 200 columns."""
    for screen in gallery.SCREENS:
        path = GOLDEN / f"{screen}.txt"
        assert drawn[path] == path.read_text(encoding="utf-8"), (screen, AGAIN)


def test_a_picture_matches_the_program(drawn: dict[Path, str]) -> None:
    """Byte for byte; it loads nothing from elsewhere."""
    for screen in PICTURED:
        path = PICTURES / f"{screen}.svg"
        assert drawn[path] == path.read_text(encoding="utf-8"), (screen, AGAIN)
        assert "url(http" not in drawn[path], screen


def test_a_screen_fits_its_terminal(drawn: dict[Path, str]) -> None:
    """No line is wider than the terminal or ends with blanks."""
    for screen in gallery.SCREENS:
        for part in drawn[GOLDEN / f"{screen}.txt"].split("$ pincli ")[2:]:
            command, *lines = part.splitlines()
            columns = int(command.split("# ")[1].split()[0])
            wrong = [line for line in lines if cells(line) > columns or line != line.rstrip()]
            assert wrong == [], screen


def test_there_are_no_files_of_former_screens(drawn: dict[Path, str]) -> None:
    """Every golden text and picture belongs to a screen."""
    assert {*GOLDEN.iterdir(), *PICTURES.iterdir()} == set(drawn)
