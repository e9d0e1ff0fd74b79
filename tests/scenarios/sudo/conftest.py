"""The support floor on this machine, made once and put back to its beginning for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.floor_of_agents import AgentFloor, deployed, reason_to_skip


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentFloor]:
    """Users, sudoers and a root-owned venv, gone again before other tests begin."""
    reason = reason_to_skip()
    if reason:
        pytest.skip(reason)
    with deployed(tmp_path_factory.mktemp("floor")) as floor:
        yield floor


@pytest.fixture
def floor(deployment: AgentFloor) -> AgentFloor:
    """The deployment, with a user in every state and the configuration of the README."""
    deployment.renew()
    return deployment
