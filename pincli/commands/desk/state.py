"""The state of a shift, what is asked of the store, and what it answers."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from pincli.commands.desk.choices import Choices
from pincli.models import User, Verdict
from pincli.views.blocks import Problem
from pincli.views.desk import Tally


class Remark(Enum):
    """What there is to say about the last key."""

    SLIP = auto()
    DIGITS_ONLY = auto()
    STILL_OPEN = auto()
    CANCELLED = auto()
    CLEARED = auto()


class Refusal(NamedTuple):
    """A call that could not be answered: the store or a key can't be used."""

    problem: Problem


Said = Verdict | Refusal | Problem | Choices | Remark | None


class Shift(NamedTuple):
    """The state of the shift.

    Attributes:
        line: What is typed of the caller and the ticket.
        caller: Whose PIN is being asked for; None while the caller is.
        ticket: The call's; while the caller is asked for, one that was typed before a list.
        pin: What is typed of the PIN. Never shown; the repr gives its length.
        said: What was said last.
        tally: The calls so far.
        warning: What went wrong beside the last call.
        counted: How this call is counted in it already, if a PIN was incorrect before.
    """

    line: str = ""
    caller: User | None = None
    ticket: str | None = None
    pin: str = ""
    said: Said = None
    warning: str = ""
    tally: Tally = Tally()
    counted: Tally = Tally()

    def __repr__(self) -> str:
        return f"Shift(caller={self.caller!r}, pin={len(self.pin)}, said={self.said!r})"


class LookUp(NamedTuple):
    """Find who that is, in the words that were typed; its repr hides them."""

    name: str
    ticket: str | None

    def __repr__(self) -> str:
        return "LookUp()"


class Check(NamedTuple):
    """Verify a caller; the repr hides the PIN."""

    user: User
    pin: str
    ticket: str | None

    def __repr__(self) -> str:
        return f"Check({self.user.login!r})"


Effect = LookUp | Check
Answer = User | Verdict | Problem | Refusal | Choices
Move = tuple[Shift, Effect | None]
"""The next state, and what is to be asked of the store now."""
