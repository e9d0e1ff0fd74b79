"""Calls: what the record, the trail and the portal show of them."""

from __future__ import annotations

import pytest

from pincli.errors import Refused, UnknownUser
from pincli.models import Outcome
from pincli.operations.call import begin, end
from pincli.operations.session import Need
from pincli.operations.verify import verify
from pincli.rules.calls import call_of
from tests.store.attempting import (
    AT,
    PIN,
    WRONG,
    kinds_after,
    last_number,
    left_open,
    rewrite,
    with_counter,
)
from tests.support.desk import Desk

pytestmark = pytest.mark.engines(in_turn=True)
FLOOR = (Need.ATTEMPT, Need.COMPARE)


@pytest.mark.engines
def test_a_call_is_begun_taken_over_and_ended(desk: Desk) -> None:
    """The latest call wins; only its agent or an admin ends it."""
    before = desk.add("alice")
    number = last_number(desk)
    with desk.front.session(*FLOOR, agent="eva") as session:
        begin(session, " Alice", "T-1")
    with desk.front.session(*FLOOR, agent="mia") as session:
        begin(session, "alice", "T-2")
    now = desk.user("alice")
    assert (now.call_agent, now.call_ref, now.call_since) == ("mia", "T-2", desk.events()[-1].at)
    with desk.front.session(*FLOOR, agent="eva") as session:
        with pytest.raises(Refused):
            end(session, "alice", any_agents=False)
        assert desk.user("alice") == now
        assert end(session, "alice", any_agents=True)[1] is True
        assert end(session, "alice", any_agents=True)[1] is False
    assert desk.user("alice")._replace(event=0) == before._replace(event=0)
    assert kinds_after(desk, number) == [
        ("call_begun", None, 0),
        ("call_begun", None, 0),
        ("refused", "call_of_another", 0),
        ("call_ended", None, 0),
    ]
    tickets = [(event.agent, event.ticket) for event in desk.events()[number:]]
    assert tickets == [("eva", "T-1"), ("mia", "T-2"), ("eva", None), ("eva", "T-2")]


@pytest.mark.parametrize("pin", [PIN, WRONG])
def test_a_verify_begins_a_call(desk: Desk, pin: str) -> None:
    """By its attempt, right or wrong."""
    with_counter(desk, 0)
    number = last_number(desk)
    with desk.front.session(*FLOOR, agent="eva") as session:
        outcome = verify(session, "alice", pin, "T-1").outcome
    user = desk.user("alice")
    assert (user.call_agent, user.call_ref) == ("eva", "T-1")
    assert call_of(user, at=desk.events()[number].at) is not None
    used = 0 if outcome is Outcome.VERIFIED else 1
    assert kinds_after(desk, number) == [("attempt", None, 1), (outcome.value, outcome.value, used)]


def test_a_verify_that_is_refused_begins_no_call(desk: Desk) -> None:
    """Nothing was compared, and the record stays."""
    with_counter(desk, 6)
    with desk.front.session(*FLOOR) as session:
        assert verify(session, "alice", PIN, None).outcome is Outcome.LOCKED
    assert desk.user("alice").call_since is None


def test_an_expired_call_is_left_as_it_is(desk: Desk) -> None:
    """Neither expiry nor ending it writes anything."""
    desk.add("alice")
    rewrite(desk, "alice", call_agent="eva", call_ref="T-1", call_since=AT)
    number = last_number(desk)
    with desk.front.session(*FLOOR, agent="mia") as session:
        assert end(session, "alice", any_agents=False)[1] is False
    assert desk.user("alice").call_agent == "eva"
    assert last_number(desk) == number


@pytest.mark.engines
@pytest.mark.parametrize("ends", [False, True])
def test_an_open_attempt_ends_first(desk: Desk, ends: bool) -> None:
    """With the outcome that its own process would have got."""
    attempt = left_open(desk, with_counter(desk, 2), PIN)
    with desk.front.session(*FLOOR) as session:
        if ends:
            end(session, "alice", any_agents=True)
        else:
            begin(session, "alice", None)
    last = "call_ended" if ends else "call_begun"
    assert kinds_after(desk, attempt.number) == [("verified", "verified", 0), (last, None, 0)]


def test_an_unknown_user_cant_be_called(desk: Desk) -> None:
    """This is recorded, with the ticket."""
    with desk.front.session(*FLOOR) as session, pytest.raises(UnknownUser):
        begin(session, "nobody", "T-1")
    assert (desk.events()[-1].outcome, desk.events()[-1].ticket) == ("unknown_user", "T-1")
