"""Calls: how long one lasts, whose it is, and who ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pincli.errors import Refused, Rule
from pincli.models import EventKind
from pincli.rules import lockout
from pincli.rules.calls import Call, begun, call_of, ended
from pincli.rules.times import written
from tests.store.postgresql.twin import user_of

BEGAN = datetime(2026, 11, 24, 14, tzinfo=UTC)


def at(seconds: int) -> str:
    """A time that many seconds after the call began."""
    return written(BEGAN + timedelta(seconds=seconds))


IDLE = user_of(1)
CALLED = lockout.after(IDLE, begun(IDLE, agent="eva", ref="T-1", at=at(0)))


@pytest.mark.parametrize(
    ("seconds", "goes_on"),
    [(0, True), (1799, True), (1800, False), (-60, True), (-61, False)],
)
def test_a_call_lasts_for_thirty_minutes(seconds: int, goes_on: bool) -> None:
    """It ends by itself; its clock may be a minute ahead; only a present call can be ended."""
    call = Call("eva", "T-1", at(0)) if goes_on else None
    assert call_of(CALLED, at=at(seconds)) == call
    step = ended(CALLED, agent="eva", any_agents=False, at=at(seconds))
    assert [event.kind for event in step] == [EventKind.CALL_ENDED] * goes_on


def test_the_latest_call_counts() -> None:
    """A later call replaces an earlier one, also of another agent."""
    later = lockout.after(CALLED, begun(CALLED, agent="mia", ref=None, at=at(60)))
    assert call_of(later, at=at(60)) == Call("mia", None, at(60))


def test_only_its_agent_or_an_admin_ends_a_call() -> None:
    """The record keeps nothing of it; the event has its ticket."""
    with pytest.raises(Refused) as refusal:
        ended(CALLED, agent="mia", any_agents=False, at=at(1))
    assert refusal.value.rule is Rule.CALL_OF_ANOTHER
    for agent, any_agents in (("eva", False), ("mia", True)):
        (event,) = ended(CALLED, agent=agent, any_agents=any_agents, at=at(1))
        assert (event.user, event.ticket) == (IDLE, "T-1")
    assert ended(IDLE, agent="eva", any_agents=False, at=at(1)) == ()
