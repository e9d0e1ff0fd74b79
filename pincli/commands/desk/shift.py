"""The shift as a state machine: a key or an answer in, the next state and what to ask out.

No terminal, no store and no clock: every call can be played through in a test.
"""

from __future__ import annotations

import re

from pincli.commands.desk.state import (
    AddTicket,
    Announce,
    Answer,
    Call,
    Card,
    Check,
    Find,
    Listing,
    Move,
    Open,
    Recent,
    Refusal,
    Remark,
    Said,
    Shift,
)
from pincli.errors import MalformedPin
from pincli.models import Outcome, State, User, Verdict
from pincli.rules.names import LONGEST_NAME, LONGEST_TICKET, is_printable
from pincli.rules.pins import GAP, require_well_formed
from pincli.views.blocks import Problem
from pincli.views.desk import Tally

IDLE_SECONDS = 120.0
"""After so long without a key, whatever is shown of a caller goes."""

_LONGEST_LINE = LONGEST_NAME + LONGEST_TICKET + 8
_LONGEST_PIN = 32
_CALLS_AT_MOST = 12
_TICKET_SIGN = "#"
_NO_USERS: dict[str, Said] = {
    **dict.fromkeys(("help", "?"), Recent()),
    **dict.fromkeys(("quit", "exit"), Remark.TO_QUIT),
}


def entered(shift: Shift) -> Move:
    """The state after Enter."""
    if shift.caller is not None:
        return _pin_entered(shift, shift.caller)
    said = shift.said
    if isinstance(said, Listing) and said.found.people:
        return shift, Open(said.found.people[said.chosen], said.ticket)
    line = shift.line.strip()
    if not line:
        return _next_call(shift), None
    if isinstance(said, Verdict) and is_ticket_of(said, line):
        return shift, AddTicket(said, line.removeprefix(_TICKET_SIGN))
    if line.casefold() in _NO_USERS:
        return _next_call(shift)._replace(said=_NO_USERS[line.casefold()]), None
    return shift, Find(line)


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


def edited(shift: Shift, line: str) -> Move:
    """The state after the line was edited; a list is narrowed down to those who fit now.

    Else the next call begins, and what was said of the last one goes: nobody is verified by
    another's verdict.
    """
    line = line[:_LONGEST_LINE]
    if line == shift.line:
        return shift, None
    if isinstance(shift.said, Listing) and line.strip():
        return shift._replace(line=line), Find(line, narrows=True)
    return shift._replace(
        line=line, said=shift.said if is_ticket_of(shift.said, line) else None
    ), None


def announced(shift: Shift) -> Move:
    """The state after Ctrl-T: the customer is to see that support is really calling."""
    return shift, Announce(shift.caller, shift.ticket) if shift.caller is not None else None


def recalled(shift: Shift) -> Shift:
    """The state after Ctrl-R: the last calls are listed, but not while a PIN is asked for."""
    return shift if shift.caller is not None else _next_call(shift)._replace(said=Recent())


def moved(shift: Shift, step: int) -> Shift:
    """The state after the next one of a list was chosen, or the one before; round and round."""
    said = shift.said
    if not isinstance(said, Listing) or not said.found.people:
        return shift
    chosen = (said.chosen + step) % len(said.found.people)
    return shift._replace(said=said._replace(chosen=chosen))


def pasted(text: str) -> str:
    """What a paste puts into the line: its first line, with the cells of a row kept apart."""
    first = next(iter(text.strip().splitlines()), "")
    return "".join(filter(is_printable, first.replace("\t", "; ")))


def answered(shift: Shift, answer: Answer, at: str = "") -> Shift:
    """The state after the store has answered, at a time of the day."""
    match answer:
        case Remark.CALLED:
            return shift._replace(said=answer)
        case Remark():
            if answer is Remark.TICKET_ADDED:
                latest, *earlier = shift.calls
                latest = latest._replace(ticket=shift.line.strip().removeprefix(_TICKET_SIGN))
                shift = shift._replace(calls=(latest, *earlier))
            return _next_call(shift)._replace(said=answer)
        case Card(user, ticket):
            return _next_call(shift)._replace(caller=user, ticket=ticket)
        case Verdict():
            return _after_verdict(shift, answer, at)
        case Listing() | Problem():
            return shift._replace(said=answer)
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
    """Whether there is room to say who it is about; a verdict needs all of it."""
    return said is None or isinstance(said, Remark)


def is_digits(text: str) -> bool:
    """Whether a text is made of ASCII digits alone."""
    return text.isascii() and (text.isdigit() or not text)


def is_ticket_of(said: Said, line: str) -> bool:
    """Whether a line is a ticket alone, for an attempt just made; no login begins with its sign."""
    compared = isinstance(said, Verdict) and said.attempt is not None
    return compared and line.startswith(_TICKET_SIGN) and " " not in line.strip()


def _pin_entered(shift: Shift, caller: User) -> Move:
    if not shift.pin:
        return shift._replace(said=Remark.STILL_OPEN), None
    pin, shift = shift.pin, shift._replace(pin="")
    try:
        require_well_formed(pin)
    except MalformedPin:
        return shift._replace(said=Remark.SLIP), None
    return shift, Check(caller, pin, shift.ticket)


def _after_verdict(shift: Shift, verdict: Verdict, at: str) -> Shift:
    kind = _kind_of(verdict)
    tally = Tally(
        *(n - old + new for n, old, new in zip(shift.tally, shift.counted, kind, strict=True))
    )
    # A caller who tries again is one call.
    earlier = shift.calls if shift.counted == Tally() else shift.calls[1:]
    calls = (Call(at, verdict, shift.ticket), *earlier)[:_CALLS_AT_MOST]
    after = _next_call(shift)._replace(tally=tally, said=verdict, calls=calls)
    if verdict.outcome is Outcome.INCORRECT and verdict.state is State.ACTIVE:
        return after._replace(caller=verdict.user, ticket=shift.ticket, counted=kind)
    return after


def _kind_of(verdict: Verdict) -> Tally:
    if verdict.outcome is Outcome.VERIFIED:
        return Tally(verified=1)
    return Tally(locked=1) if verdict.state is State.LOCKED else Tally(refused=1)


def _next_call(shift: Shift) -> Shift:
    """Ready for the next call, with nothing of the last one."""
    return Shift(tally=shift.tally, calls=shift.calls)
