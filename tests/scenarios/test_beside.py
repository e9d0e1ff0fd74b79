"""Long work on a large store: a caller meanwhile is not held up."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.bulk_work import crowd
from tests.support.desk import PROGRAM, Desk
from tests.support.driving import Forks, nothing_impossible
from tests.support.floor import GUEST, RIGHT, new_floor

pytestmark = pytest.mark.xdist_group("beside")  # one large store is enough

MANY = 20_000
LONGEST = 5.0
"""Seconds; a caller gives up after ten. On a quiet machine it is a tenth of one."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A store that takes a while to read; in the end its trail is sound."""
    desk = new_floor(tmp_path_factory.mktemp("large"))
    crowd(desk, MANY)
    yield desk
    nothing_impossible(desk)


@pytest.mark.parametrize(
    "words", ["doctor", "alerts", "audit verify", "backup OUT", "status --account acme"]
)
def test_a_caller_beside_it_is_verified(large: Desk, forks: Forks, words: str) -> None:
    """Every call meanwhile is verified, in bounded time."""
    out = str(large.store.parent / "backup.db")
    arguments = [word.replace("OUT", out) for word in words.split()]
    waits, codes = [], set()
    command = [*PROGRAM, *arguments, "--json"]
    environment = large.environment()
    forks.verify(large, GUEST, RIGHT)  # the first one loads the program
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        while True:
            began = time.monotonic()
            codes.add(forks.verify(large, GUEST, RIGHT).code)
            waits.append(time.monotonic() - began)
            if process.poll() is not None:
                break
    assert (process.returncode, codes) == (0, {0})
    assert max(waits) < LONGEST
