"""Quick sources of processes, and an agent's terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.desk import Desk
from tests.support.driving import Forks
from tests.support.tmux import Tmux, tmux


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """A quick source of pincli processes."""
    with Forks() as source:
        yield source


@pytest.fixture(scope="session")
def crew(forks: Forks) -> Iterator[Sequence[Forks]]:
    """Four of them, for processes at once."""
    with ExitStack() as stack:
        yield [forks, *(stack.enter_context(Forks()) for _ in range(3))]


@pytest.fixture
def agent(floor: Desk, tmp_path: Path) -> Iterator[Tmux]:
    """A shell at 80x24."""
    with tmux(floor.environment(), tmp_path) as opened:
        yield opened
