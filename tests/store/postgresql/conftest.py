"""Stores on PostgreSQL for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.postgresql.floor import Floor, make_schema, new_floor
from tests.support.postgresql import Server
from tests.support.served import ServedDesk


@pytest.fixture
def floor(served_empty: ServedDesk, tmp_path: Path) -> Iterator[Floor]:
    """Copy an empty store on the shared server."""
    copy = served_empty.copied(tmp_path)
    yield Floor(copy.database_there, copy.keys)
    copy.database_there.drop()


@pytest.fixture
def own_floor(own_server: Server, tmp_path: Path) -> Floor:
    """Make a store on a server that the test may stop, freeze and configure."""
    return new_floor(own_server.database(make_schema), tmp_path)
