"""Fixtures for every folder of tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.desk import Desk, new_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fresh store with its keys, and nobody in it."""
    return new_desk(tmp_path)
