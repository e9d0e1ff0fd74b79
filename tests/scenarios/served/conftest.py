"""Stores with alice and bob, on the shared server or on a server that a test may break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.driving import OTHER
from tests.support.postgresql import Server
from tests.support.served import ServedDesk, make_schema, served_desk


def _with_two(desk: ServedDesk) -> ServedDesk:
    desk.collected("alice")
    desk.collected("bob", pin=OTHER)
    return desk


@pytest.fixture(scope="session")
def two(server: Server, tmp_path_factory: pytest.TempPathFactory) -> ServedDesk:
    """Make the store that tests copy."""
    return _with_two(served_desk(server.database(make_schema), tmp_path_factory.mktemp("two")))


@pytest.fixture
def desk(two: ServedDesk, tmp_path: Path) -> Iterator[ServedDesk]:
    """Copy the store on the shared server."""
    desk = two.copied(tmp_path)
    yield desk
    desk.database_there.drop()


@pytest.fixture
def own_desk(own_server: Server, tmp_path: Path) -> ServedDesk:
    """Make a store on a server that the test may stop, and that commits late by default."""
    own_server.configure({"synchronous_commit": "off", "wal_writer_delay": "10s"})
    own_server.reload()
    return _with_two(served_desk(own_server.database(make_schema), tmp_path))
