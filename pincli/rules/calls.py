"""Calls: which agent is calling a customer, as the portal shows it.

Annotations are not postponed here, as in models.py.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from pincli.errors import Refused, Rule
from pincli.models import EventKind, NewEvent, User
from pincli.rules.lockout import Step, with_call
from pincli.rules.times import written

CALL_LASTS = timedelta(minutes=30)
"""After this time a call is over, even if nobody has ended it."""
AHEAD_AT_MOST = timedelta(minutes=1)
"""How far in the future a call may begin, by a clock that is ahead."""


class Call(NamedTuple):
    """A call that is going on: the agent, the ticket, and when it began."""

    agent: str
    ref: str | None
    since: str


def call_of(user: User, *, at: str) -> Call | None:
    """The call that is going on at a time; None if nobody is calling."""
    if user.call_agent is None or user.call_since is None:
        return None
    now = datetime.fromisoformat(at)
    if written(now - CALL_LASTS) < user.call_since <= written(now + AHEAD_AT_MOST):
        return Call(user.call_agent, user.call_ref, user.call_since)
    return None


def begun(user: User, *, agent: str, ref: str | None, at: str) -> Step:
    """An agent begins a call, which ends any call before."""
    now = with_call(user, agent=agent, ref=ref, at=at)
    return (NewEvent(EventKind.CALL_BEGUN, now, ticket=ref),)


def ended(user: User, *, agent: str, any_agents: bool, at: str) -> Step:
    """The call ends, if there is one; only with `any_agents` may it be another agent's."""
    call = call_of(user, at=at)
    if call is None:
        return ()
    if call.agent != agent and not any_agents:
        raise Refused(Rule.CALL_OF_ANOTHER, user.login)
    over = user._replace(call_agent=None, call_ref=None, call_since=None)
    return (NewEvent(EventKind.CALL_ENDED, over, ticket=call.ref),)
