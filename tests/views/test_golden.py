"""The main screens as they are, letter by letter, and the README's pictures of them."""

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
def test_a_screen_is_as_it_was(drawn: dict[Path, str], screen: str) -> None:
    """In a pipe, and at 60, 80 and 200 columns; a change on purpose is drawn anew."""
    path = GOLDEN / f"{screen}.txt"
    assert drawn[path] == path.read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("screen", PICTURED)
def test_a_picture_is_fresh(drawn: dict[Path, str], screen: str) -> None:
    """Byte for byte what the program draws; it fetches nothing from elsewhere."""
    path = PICTURES / f"{screen}.svg"
    assert drawn[path] == path.read_text(encoding="utf-8"), AGAIN
    assert "url(http" not in drawn[path]


@pytest.mark.parametrize("screen", gallery.SCREENS)
def test_a_screen_fits_its_terminal(drawn: dict[Path, str], screen: str) -> None:
    """No line is wider than the terminal, and none ends in blanks that a copy would take along."""
    for part in drawn[GOLDEN / f"{screen}.txt"].split("$ pincli ")[2:]:
        command, *lines = part.splitlines()
        columns = int(command.split("# ")[1].split()[0])
        assert [line for line in lines if cells(line) > columns or line != line.rstrip()] == []


def test_nothing_is_left_over(drawn: dict[Path, str]) -> None:
    """A screen that is gone leaves no file behind."""
    assert {*GOLDEN.iterdir(), *PICTURES.iterdir()} == set(drawn)
