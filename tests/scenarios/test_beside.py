"""Long work on a large store: a caller meanwhile is not turned away."""

from __future__ import annotations

from contextlib import ExitStack

from tests.support.bulk_work import crowd
from tests.support.desk import Desk
from tests.support.driving import Forks, nothing_impossible
from tests.support.floor import GUEST, RIGHT
from tests.support.importing import HEADER, put

MANY = 5_000
LINES = ("doctor --json", "alerts", "audit verify", "backup OUT", "status", "import PEOPLE")


def test_a_caller_beside_long_work_is_verified(floor: Desk, forks: Forks) -> None:
    """Every call is verified while all of it runs at once."""
    crowd(floor, MANY)
    out = str(floor.store.parent / "backup.db")
    people = put(floor, f"{HEADER}\n" + "".join(f"n{n},acme,Name,cloud\n" for n in range(2_000)))
    lines = [line.replace("OUT", out).replace("PEOPLE", people) for line in LINES]
    codes = set()
    with ExitStack() as stack:
        long_work = [stack.enter_context(floor.start(*line.split())) for line in lines]
        while any(process.poll() is None for process in long_work):
            codes.add(forks.verify(floor, GUEST, RIGHT).code)
    assert codes == {0}
    assert [process.returncode for process in long_work] == [0] * len(LINES)
    nothing_impossible(floor)
