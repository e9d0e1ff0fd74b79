"""Stores on PostgreSQL for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.postgresql.floor import Floor, floor_in, make_schema, new_floor
from tests.support.postgresql import Server
from tests.support.served import ServedDesk


@pytest.fixture
def floor(served_empty: ServedDesk, tmp_path: Path) -> Iterator[Floor]:
    """Copy an empty store on the shared server."""
    with floor_in(served_empty, tmp_path) as floor:
        yield floor


@pytest.fixture
def own_floor(own_server: Server, tmp_path: Path) -> Floor:
    """Make a store on a server that the test may stop, freeze and configure."""
    return new_floor(own_server.database(make_schema), tmp_path)
