"""Long work on a large store, with a caller beside it: nobody is held up."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.support.bulk_work import crowd
from tests.support.desk import PROGRAM, Desk
from tests.support.driving import RIGHT, Forks, nothing_impossible

MANY = 20_000
LONGEST = 5.0
"""Seconds; a caller gives up after ten. On a quiet machine it is a tenth of one."""


@pytest.fixture
def large(desk: Desk) -> Desk:
    """A store that takes a while to look through."""
    desk.database.chmod(0o600)  # what doctor finds is to be what others do meanwhile
    crowd(desk, MANY)
    desk.collected("gus", "globex")
    return desk


@pytest.mark.parametrize(
    "words", ["doctor", "alerts", "audit verify", "backup OUT", "status --account acme"]
)
def test_a_caller_beside_it_is_verified(large: Desk, forks: Forks, words: str) -> None:
    """Each call while it runs: verified, in bounded time."""
    out = str(large.store.parent / "backup.db")
    arguments = [word.replace("OUT", out) for word in words.split()]
    waits, codes = [], set()
    command = [*PROGRAM, *arguments, "--json"]
    environment = large.environment()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        while True:
            began = time.monotonic()
            codes.add(forks.verify(large, "gus", RIGHT).code)
            waits.append(time.monotonic() - began)
            if process.poll() is not None:
                break
    assert (process.returncode, codes) == (0, {0})
    assert max(waits) < LONGEST
    nothing_impossible(large)
