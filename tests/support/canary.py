"""A PIN that must never be found in outputs or files."""

from __future__ import annotations

from pincli.rules.pins import broken_rule
from tests.support.desk import Desk, Ran
from tests.support.driving import OTHER, WRONG, guess_wrong

CANARY = "904617"


def nowhere(ran: Ran) -> None:
    """Fail if the PIN was printed, or a traceback."""
    assert CANARY not in ran.out + ran.err, ran
    assert ran.code != 1, ran
    assert "Traceback" not in ran.err, ran


def in_no_file(desk: Desk) -> None:
    """Fail if the PIN is in the store, keys, journals or temporary files."""
    root = desk.store.parent
    files = [path for path in root.rglob("*") if path.is_file()]
    assert desk.database in files
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path


def people_with_canary(desk: Desk) -> Desk:
    """Add alice with the canary as her PIN, and others with another PIN or none."""
    assert broken_rule(CANARY) is None
    desk.collected("alice", pin=CANARY)
    desk.collected("bob", pin=WRONG)
    desk.add("carol")
    desk.collected("dave", pin=WRONG)
    desk.collected("locked", pin=OTHER)
    guess_wrong(desk, "locked", 6)
    return desk
