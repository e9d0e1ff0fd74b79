"""Alice and bob over a database of the shared server, or of a server that a test may break."""

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
    """What each test gets a copy of."""
    return _with_two(served_desk(server.database(make_schema), tmp_path_factory.mktemp("two")))


@pytest.fixture
def desk(two: ServedDesk, tmp_path: Path) -> Iterator[ServedDesk]:
    """A store on the shared server."""
    desk = two.copied(tmp_path)
    yield desk
    desk.database_there.drop()


@pytest.fixture
def own_desk(own_server: Server, tmp_path: Path) -> ServedDesk:
    """A store on a server that the test may stop, and that likes to commit late."""
    own_server.configure({"synchronous_commit": "off", "wal_writer_delay": "10s"})
    own_server.reload()
    return _with_two(served_desk(own_server.database(make_schema), tmp_path))
