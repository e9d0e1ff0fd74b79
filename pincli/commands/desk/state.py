"""The state of a shift, what is asked of the store, and what it answers."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from pincli.models import User, Verdict
from pincli.results import Found
from pincli.views.blocks import Problem
from pincli.views.desk import Tally


class Remark(Enum):
    """What there is to say about the last key."""

    SLIP = auto()
    DIGITS_ONLY = auto()
    STILL_OPEN = auto()
    CANCELLED = auto()
    CLEARED = auto()
    TO_QUIT = auto()
    TICKET_ADDED = auto()
    CALLED = auto()


class Refusal(NamedTuple):
    """A call that could not be answered: the store or a key can't be used."""

    problem: Problem


class Listing(NamedTuple):
    """Those who may be calling.

    Attributes:
        ticket: The one in the line.
        found: Who they are.
        chosen: The number of one of them.
    """

    ticket: str | None
    found: Found
    chosen: int = 0


class Card(NamedTuple):
    """One person, whose PIN is asked for next, and the call's ticket."""

    user: User
    ticket: str | None


class Recent(NamedTuple):
    """The agent's own last calls are asked for."""


class Call(NamedTuple):
    """A call of this shift that has its verdict, and the time of the day."""

    at: str
    verdict: Verdict
    ticket: str | None


Said = Verdict | Refusal | Problem | Listing | Recent | Remark | None


class Shift(NamedTuple):
    """The state of the shift.

    Attributes:
        line: What is typed of the caller and the ticket.
        caller: Whose PIN is being asked for; None while the caller is.
        ticket: The call's.
        pin: What is typed of the PIN. Never shown; the repr gives its length.
        said: What was said last.
        tally: The calls so far.
        warning: What went wrong beside the last call.
        counted: How `tally` counts this call already, if a PIN was incorrect before.
        calls: The last ones, the latest first.
    """

    line: str = ""
    caller: User | None = None
    ticket: str | None = None
    pin: str = ""
    said: Said = None
    warning: str = ""
    tally: Tally = Tally()
    counted: Tally = Tally()
    calls: tuple[Call, ...] = ()

    def __repr__(self) -> str:
        return f"Shift(caller={self.caller!r}, pin={len(self.pin)})"


class Find(NamedTuple):
    """Find who a line means; its repr hides it.

    Attributes:
        narrows: Whether it narrows a list down: then nobody's card is opened.
    """

    line: str
    narrows: bool = False

    def __repr__(self) -> str:
        return "Find()"


class Open(NamedTuple):
    """Open the card of somebody who was chosen."""

    user: User
    ticket: str | None


class Announce(NamedTuple):
    """Have the portal show the customer that this agent is calling."""

    user: User
    ticket: str | None


class AddTicket(NamedTuple):
    """Give an attempt that has its verdict a ticket; the repr hides what was typed."""

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


Effect = Find | Open | Announce | AddTicket | Check
Answer = Card | Verdict | Problem | Refusal | Listing | Remark
Move = tuple[Shift, Effect | None]
"""The next state, and what is to be asked of the store now."""
