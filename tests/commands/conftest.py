"""A populated store for the tests of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desk import Desk
from tests.support.floor import copy_of, new_floor
from tests.support.served import ServedDesk


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The floor that each test gets a copy of."""
    return new_floor(tmp_path_factory.mktemp("floor"))


@pytest.fixture
def floor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A store with a user in every state, for one test alone: in a folder, or as `engines` asks."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield copy_of(request.getfixturevalue("template"), tmp_path)
        return
    served: ServedDesk = request.getfixturevalue("served_template")
    copy = served.copied(tmp_path)
    yield copy
    copy.database_there.drop()
