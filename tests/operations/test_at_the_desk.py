"""What a desk records besides attempts: views, and tickets after the verdict."""

from __future__ import annotations

import pytest

from pincli.operations.find import note_viewed
from pincli.operations.session import Need
from pincli.operations.trail_check import require_sound
from pincli.operations.verify import add_ticket, verify
from tests.store.attempting import PIN, WRONG
from tests.support.desk import Desk

pytestmark = pytest.mark.engines
FLOOR = (Need.ATTEMPT, Need.COMPARE)


def test_a_view_is_on_record_and_changes_nobody(desk: Desk) -> None:
    """The event names user and agent; the record stays as it was, and the trail is sound."""
    desk.collected("alice")
    before = desk.user("alice")
    with desk.front.session(*FLOOR, agent="mia", command="desk") as session:
        note_viewed(session, before)
    event = desk.events()[-1]
    assert (event.kind, event.user, event.agent, event.attempt) == ("viewed", "alice", "mia", None)
    assert desk.user("alice") == before
    with desk.session(Need.CHECK) as session:
        require_sound(session)


@pytest.mark.parametrize("pin", [PIN, WRONG])
def test_a_ticket_comes_after_the_verdict(desk: Desk, pin: str) -> None:
    """An event with the attempt's number, after a right answer and a wrong one."""
    desk.collected("alice")
    with desk.front.session(*FLOOR) as session:
        verdict = verify(session, "alice", pin, None)
        add_ticket(session, verdict, "T-4711")
    charged = [event.seq for event in desk.events("alice") if event.kind == "attempt"]
    event = desk.events()[-1]
    assert (event.kind, event.user, event.ticket) == ("ticket_added", "alice", "T-4711")
    assert [event.attempt] == [verdict.attempt] == charged
    with desk.front.session(*FLOOR) as session:
        assert verify(session, "alice", PIN, None).outcome == "verified"
    with desk.session(Need.CHECK) as session:
        require_sound(session)
