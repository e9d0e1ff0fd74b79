"""The shift as a state machine: a key or an answer in, the next state and what to ask out.

No terminal, no store and no clock: every call can be played through in a test.
"""

from __future__ import annotations

import re

from pincli.commands.desk.choices import Choices
from pincli.commands.desk.state import (
    Answer,
    Check,
    LookUp,
    Move,
    Refusal,
    Remark,
    Said,
    Shift,
)
from pincli.errors import MalformedName, MalformedPin
from pincli.models import Outcome, State, User, Verdict
from pincli.rules.names import LONGEST_NAME, LONGEST_TICKET, clean_ticket, is_printable
from pincli.rules.pins import GAP, require_well_formed
from pincli.views.blocks import Problem
from pincli.views.desk import Tally
from pincli.views.problems import describe

IDLE_SECONDS = 120.0
"""After so long without a key, whatever is shown of a caller goes."""

_LONGEST_LINE = LONGEST_NAME + LONGEST_TICKET + 8
_LONGEST_PIN = 32


def entered(shift: Shift) -> Move:
    """The state after Enter."""
    if shift.caller is not None:
        return _pin_entered(shift, shift.caller)
    if isinstance(shift.said, Choices) and shift.said.name:
        name = shift.said.name
    else:
        name, ticket = _parts(shift.line)
        try:
            shift = shift._replace(ticket=clean_ticket(ticket) if ticket else shift.ticket)
        except MalformedName as error:
            return shift._replace(said=describe(error)), None
    return (shift, LookUp(name, shift.ticket)) if name else (_next_call(shift), None)


def typed(shift: Shift, text: str) -> Shift:
    """The state after a digit of the PIN, or several that were pasted.

    Blanks and dashes are how people read digits out. Another character stays in it, as what
    it makes of the answer is a slip, and no PIN.
    """
    text = re.sub(GAP, "", text)
    if not text:
        return shift
    shift = shift._replace(pin=(shift.pin + text)[:_LONGEST_PIN])
    # The last verdict goes: the next one must be seen to be another.
    return shift._replace(said=None if is_digits(text) else Remark.DIGITS_ONLY)


def erased(shift: Shift, *, all_of_it: bool) -> Shift:
    """The state after the last digit of the PIN, or all of it, was taken back."""
    return shift._replace(pin="" if all_of_it else shift.pin[:-1])


def edited(shift: Shift, line: str) -> Shift:
    """The state after the line was: the next call begins, and what was said of the last goes."""
    line = line[:_LONGEST_LINE]
    if line == shift.line:
        return shift
    said = shift.said
    said = said.begun_with(_parts(line)[0]) if isinstance(said, Choices) else None
    return shift._replace(line=line, said=said)


def moved(shift: Shift, step: int) -> Shift:
    """The state after another one was chosen of those that there are."""
    if not isinstance(shift.said, Choices):
        return shift
    return shift._replace(said=shift.said.moved(step))


def pasted(text: str) -> str:
    """What a paste puts into the line: its first line, without what hides."""
    return "".join(filter(is_printable, next(iter(text.strip().splitlines()), "")))


def answered(shift: Shift, answer: Answer) -> Shift:
    """The state after the store has answered."""
    match answer:
        case User():
            return _next_call(shift)._replace(caller=answer, ticket=shift.ticket)
        case Verdict():
            return _after_verdict(shift, answer)
        case Choices():
            return shift._replace(said=answer)
        case Problem():
            return shift._replace(said=answer, ticket=None)
        case Refusal():
            return _next_call(shift)._replace(said=answer)


def cancelled(shift: Shift) -> Shift:
    """The state after Esc: no caller, nothing typed; what was charged before stays charged."""
    open_call = shift.caller is not None and shift.counted == Tally()
    return _next_call(shift)._replace(said=Remark.CANCELLED if open_call else None)


def gone_idle(shift: Shift) -> Shift:
    """The state after a long while without a key: nothing of any caller is left."""
    return _next_call(shift)._replace(said=Remark.CLEARED) if holds_details(shift) else shift


def holds_details(shift: Shift) -> bool:
    """Whether anything is shown or kept that belongs to one caller."""
    return bool(shift.caller or shift.line or not is_remark(shift.said))


def is_remark(said: Said) -> bool:
    """Whether it leaves room for who it is about; what answers a call needs the whole place."""
    return said is None or isinstance(said, Remark)


def is_digits(text: str) -> bool:
    """Whether a text is made of ASCII digits alone."""
    return text.isascii() and (text.isdigit() or not text)


def _parts(line: str) -> tuple[str, str | None]:
    """The name and the ticket in a line; the name is empty in an empty line."""
    name, _, ticket = line.strip().partition(" ")
    return name, ticket.strip() or None


def _pin_entered(shift: Shift, caller: User) -> Move:
    if not shift.pin:
        return shift._replace(said=Remark.STILL_OPEN), None
    pin, shift = shift.pin, shift._replace(pin="")
    try:
        require_well_formed(pin)
    except MalformedPin:
        return shift._replace(said=Remark.SLIP), None
    return shift, Check(caller, pin, shift.ticket)


def _after_verdict(shift: Shift, verdict: Verdict) -> Shift:
    kind = _kind_of(verdict)
    tally = Tally(
        *(n - old + new for n, old, new in zip(shift.tally, shift.counted, kind, strict=True))
    )
    after = _next_call(shift)._replace(tally=tally, said=verdict)
    if verdict.outcome is Outcome.INCORRECT and verdict.state is State.ACTIVE:
        return after._replace(caller=verdict.user, ticket=shift.ticket, counted=kind)
    return after


def _kind_of(verdict: Verdict) -> Tally:
    if verdict.outcome is Outcome.VERIFIED:
        return Tally(verified=1)
    return Tally(locked=1) if verdict.state is State.LOCKED else Tally(refused=1)


def _next_call(shift: Shift) -> Shift:
    """Ready for the next call, with nothing of the last one."""
    return Shift(tally=shift.tally)
