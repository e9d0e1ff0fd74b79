"""A populated store for the tests of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.desk import Desk
from tests.support.floor import copy_of, new_floor


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The floor that each test gets a copy of."""
    return new_floor(tmp_path_factory.mktemp("floor"))


@pytest.fixture
def floor(template: Desk, tmp_path: Path) -> Desk:
    """A store with a user in every state, for one test alone."""
    return copy_of(template, tmp_path)
