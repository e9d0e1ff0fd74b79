"""The state of a shift, the requests to the store, and its responses."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from pincli.models import User, Verdict
from pincli.results import Found
from pincli.rules.pins import PIN_LENGTH
from pincli.views.answer import Problem
from pincli.views.desk import Tally


class Remark(Enum):
    """A sentence about the last key."""

    SLIP = f"{PIN_LENGTH} digits, please. That was a slip, not an attempt."
    DIGITS_ONLY = "A PIN has digits only; Esc ends the call."
    STILL_OPEN = "Type the PIN as the caller says it; Esc ends the call."
    CANCELLED = "The call was cancelled. Nothing was counted."
    CLEARED = "Cleared, as nobody typed for a while."
    TO_QUIT = "Ctrl-D ends the shift."
    TICKET_ADDED = "The ticket was added."
    ANNOUNCED = "The portal now shows the customer that you are calling."


class Failure(NamedTuple):
    """A call that could not be answered: the store or a key can't be used."""

    problem: Problem


class Listing(NamedTuple):
    """The people who may be calling.

    Attributes:
        ticket: The one in the line.
        found: The people.
        chosen: The index of the chosen one.
    """

    ticket: str | None
    found: Found
    chosen: int = 0


class LastCalls(NamedTuple):
    """The agent's own last calls are to be shown."""


class Card(NamedTuple):
    """One person, whose PIN is asked for next, and the call's ticket."""

    user: User
    ticket: str | None


class Call(NamedTuple):
    """A call of this shift that has its verdict.

    Attributes:
        time: Of the day.
        verdict: The last one.
        ticket: As it was recorded.
    """

    time: str
    verdict: Verdict
    ticket: str | None


class TicketAdded(NamedTuple):
    """The last attempt has this ticket now, as it was recorded."""

    ticket: str


Message = Verdict | Failure | Problem | Listing | LastCalls | Remark | None


class Shift(NamedTuple):
    """The state of the shift.

    Attributes:
        tickets: What tickets look like at this site, if it says.
        line: The caller and the ticket as typed.
        caller: The user whose PIN is asked for; None while the caller is.
        ticket: The call's, as typed.
        pin: The digits typed so far. Never shown; the repr gives their number.
        message: What is shown below the line.
        warning: What went wrong besides the last call.
        tally: The calls so far.
        before: `tally` without this call, if a PIN of it was incorrect.
        calls: The last ones, the latest first.
    """

    tickets: re.Pattern[str] | None = None
    line: str = ""
    caller: User | None = None
    ticket: str | None = None
    pin: str = ""
    message: Message = None
    warning: str = ""
    tally: Tally = Tally()
    before: Tally | None = None
    calls: tuple[Call, ...] = ()

    def __repr__(self) -> str:
        return f"Shift(caller={self.caller!r}, pin={len(self.pin)})"


class Find(NamedTuple):
    """Find whom a line means; the repr hides the line.

    Attributes:
        narrows: Only narrow a list down: open no card, record nothing.
    """

    line: str
    narrows: bool = False

    def __repr__(self) -> str:
        return "Find()"


class Open(NamedTuple):
    """Open the card of the chosen person."""

    user: User
    ticket: str | None


class Announce(NamedTuple):
    """Have the portal show the customer that this agent is calling."""

    user: User
    ticket: str | None


class AddTicket(NamedTuple):
    """Add a ticket to an attempt that has its verdict; the repr hides what was typed."""

    verdict: Verdict
    ticket: str

    def __repr__(self) -> str:
        return "AddTicket()"


class Check(NamedTuple):
    """Verify a caller; the repr hides the PIN."""

    user: User
    pin: str
    ticket: str | None

    def __repr__(self) -> str:
        return f"Check({self.user.login!r})"


Request = Find | Open | Announce | AddTicket | Check
Response = Card | Call | Problem | Failure | Listing | TicketAdded | Remark
Transition = tuple[Shift, Request | None]
"""The next state, and what to ask the store now."""
