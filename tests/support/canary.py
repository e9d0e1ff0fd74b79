"""One PIN that is looked for everywhere, and must be found nowhere."""

from __future__ import annotations

from pincli.rules.pins import broken_rule
from tests.support.desk import Desk, Ran
from tests.support.driving import OTHER, WRONG, guess_wrong

CANARY = "904617"


def nowhere(ran: Ran) -> None:
    """The PIN is in nothing that was printed, nor is this a bug's traceback."""
    assert CANARY not in ran.out + ran.err, ran
    assert ran.code != 1, ran
    assert "Traceback" not in ran.err, ran


def in_no_file(desk: Desk) -> None:
    """The PIN is in no byte of store, keys, journals or temporary files."""
    root = desk.store.parent
    files = [path for path in root.rglob("*") if path.is_file()]
    assert desk.database in files
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path


def people_with_canary(desk: Desk) -> Desk:
    """Alice has the canary as her PIN; the others another or none, one is locked."""
    assert broken_rule(CANARY) is None
    desk.collected("alice", pin=CANARY)
    desk.collected("bob", pin=WRONG)
    desk.add("carol")
    desk.collected("dave", pin=WRONG)
    desk.collected("locked", pin=OTHER)
    guess_wrong(desk, "locked", 6)
    return desk
