"""A quick source of processes, and an agent's terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desk import Desk
from tests.support.driving import Forks
from tests.support.tmux import Tmux, tmux


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """A quick source of pincli processes."""
    with Forks() as source:
        yield source


@pytest.fixture
def agent(floor: Desk, tmp_path: Path) -> Iterator[Tmux]:
    """A shell at 80x24."""
    with tmux(floor.environment(), tmp_path) as opened:
        yield opened
