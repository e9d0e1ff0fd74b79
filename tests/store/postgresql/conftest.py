"""Stores on PostgreSQL for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.postgresql.floor import Floor, make_schema, new_floor
from tests.support.postgresql import Server


@pytest.fixture
def floor(server: Server, tmp_path: Path) -> Iterator[Floor]:
    """Make a store on the shared server."""
    database = server.database(make_schema)
    yield new_floor(database, tmp_path)
    database.drop()


@pytest.fixture
def own_floor(own_server: Server, tmp_path: Path) -> Floor:
    """Make a store on a server that the test may stop, freeze and configure."""
    return new_floor(own_server.database(make_schema), tmp_path)
