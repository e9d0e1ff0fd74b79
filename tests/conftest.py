"""What all tests begin with: signals, the pace of properties, who runs what, and a fresh store."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.desk import Desk, new_desk

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


# Thousands of processes would compile pincli each for itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_configure() -> None:
    """Let no signal be ignored or blocked: nohup and background jobs hand that down."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Python itself ignores these two, and takes care that no child does.
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Give what changes the machine to one worker."""
    for item in items:
        if item.get_closest_marker("system") is not None:
            item.add_marker(pytest.mark.xdist_group("system"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave the machine alone unless told otherwise."""
    asked = os.environ.get("PINCLI_TEST_SYSTEM") == "1"
    if item.get_closest_marker("system") is not None and not asked:
        pytest.skip("changes the machine: PINCLI_TEST_SYSTEM=1")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A fresh store with its keys, and nobody in it."""
    return new_desk(tmp_path)
