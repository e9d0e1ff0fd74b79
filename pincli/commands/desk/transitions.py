"""The state machine of a shift: a key or a response in, the next state and request out.

No terminal, no store and no clock.
"""

from __future__ import annotations

import re

from pincli.commands.desk.state import (
    AddTicket,
    Announce,
    Call,
    Card,
    Check,
    Failure,
    Find,
    LastCalls,
    Listing,
    Message,
    Open,
    Remark,
    Response,
    Shift,
    TicketAdded,
    Transition,
)
from pincli.errors import MalformedPin
from pincli.models import Outcome, State, User, Verdict
from pincli.rules.pins import GAP, require_well_formed
from pincli.rules.texts import LONGEST_NAME, LONGEST_TICKET, is_printable
from pincli.views.answer import Problem
from pincli.views.desk import Tally

IDLE_SECONDS = 120.0
"""After this time without a key, the caller's details are cleared."""

_LONGEST_LINE = LONGEST_NAME + LONGEST_TICKET + 8
_LONGEST_PIN = 32
_CALLS_AT_MOST = 12
_TICKET_SIGN = "#"
_WORDS: dict[str, Message] = {
    **dict.fromkeys(("help", "?"), LastCalls()),
    **dict.fromkeys(("quit", "exit"), Remark.TO_QUIT),
}
"""What people type at any program. None of it is a login."""


def enter(shift: Shift) -> Transition:
    """Enter."""
    if shift.caller is not None:
        return _enter_pin(shift, shift.caller)
    message, line = shift.message, shift.line.strip()
    if isinstance(message, Listing) and message.found.people:
        return shift, Open(message.found.people[message.chosen], message.ticket)
    if isinstance(message, Verdict) and adds_ticket(shift, line):
        return shift, AddTicket(message, line.removeprefix(_TICKET_SIGN))
    if not line or line.casefold() in _WORDS:
        return _next_call(shift)._replace(message=_WORDS.get(line.casefold())), None
    return shift, Find(line)


def type_pin(shift: Shift, text: str) -> Shift:
    """A digit of the PIN was typed, or several were pasted.

    Blanks and dashes are dropped, as people read digits out in groups. Any other character
    stays, and makes the answer a slip.
    """
    text = re.sub(GAP, "", text)
    if not text:
        return shift
    # The last verdict goes: the next one must be seen to be another.
    message = None if text.isascii() and text.isdigit() else Remark.DIGITS_ONLY
    return shift._replace(pin=(shift.pin + text)[:_LONGEST_PIN], message=message)


def erase_pin(shift: Shift, *, whole: bool) -> Shift:
    """The last digit of the PIN was erased, or all of it."""
    return shift._replace(pin="" if whole else shift.pin[:-1])


def edit_line(shift: Shift, line: str) -> Transition:
    """The line was edited: a list is narrowed down, else the next call begins.

    Then the last verdict and its warning go, so that they can't be taken for the next caller's.
    """
    line = line[:_LONGEST_LINE]
    if line == shift.line:
        return shift, None
    if isinstance(shift.message, Listing) and line.strip():
        return shift._replace(line=line), Find(line, narrows=True)
    if shift.message is None or adds_ticket(shift, line):
        return shift._replace(line=line), None
    return shift._replace(line=line, message=None, warning=""), None


def pasted_line(text: str) -> str:
    """What a paste adds to the line: its first line, with the cells of a row kept apart."""
    first = next(iter(text.strip().splitlines()), "")
    return "".join(filter(is_printable, first.replace("\t", "; ")))


def announce_call(shift: Shift) -> Transition:
    """Ctrl-T: the portal is to show that support is really calling."""
    return shift, Announce(shift.caller, shift.ticket) if shift.caller is not None else None


def list_calls(shift: Shift) -> Shift:
    """Ctrl-R: the last calls are listed, but not while a PIN is asked for."""
    return shift if shift.caller is not None else _next_call(shift)._replace(message=LastCalls())


def choose(shift: Shift, step: int) -> Shift:
    """Choose the next person of a list (step 1) or the one before (-1), round and round."""
    message = shift.message
    if not isinstance(message, Listing) or not message.found.people:
        return shift
    chosen = (message.chosen + step) % len(message.found.people)
    return shift._replace(message=message._replace(chosen=chosen))


def cancel(shift: Shift) -> Shift:
    """Esc: no caller, nothing typed; what was charged before stays charged."""
    uncounted = shift.caller is not None and shift.before is None
    return _next_call(shift)._replace(message=Remark.CANCELLED if uncounted else None)


def clear_idle(shift: Shift) -> Shift:
    """Nobody typed for a while: nothing of any caller is left."""
    return _next_call(shift)._replace(message=Remark.CLEARED) if holds_details(shift) else shift


def receive(shift: Shift, response: Response) -> Shift:
    """The store has responded."""
    match response:
        case Remark():
            return shift._replace(message=response)
        case TicketAdded(ticket):
            latest, *earlier = shift.calls
            calls = (latest._replace(ticket=ticket), *earlier)
            return _next_call(shift)._replace(calls=calls, message=Remark.TICKET_ADDED)
        case Card(user, ticket):
            return _next_call(shift)._replace(caller=user, ticket=ticket)
        case Call():
            return _after_verdict(shift, response)
        case Listing() | Problem():
            return shift._replace(message=response)
        case Failure():
            return _next_call(shift)._replace(message=response)


def holds_details(shift: Shift) -> bool:
    """Whether anything is shown or kept that belongs to one caller."""
    return bool(shift.caller or shift.line) or not isinstance(shift.message, Remark | None)


def adds_ticket(shift: Shift, line: str) -> bool:
    """Whether a line is only a ticket, for the attempt just made; no login begins with its sign."""
    compared = isinstance(shift.message, Verdict) and shift.message.attempt is not None
    return compared and line.startswith(_TICKET_SIGN) and " " not in line.strip()


def _enter_pin(shift: Shift, caller: User) -> Transition:
    if not shift.pin:
        return shift._replace(message=Remark.STILL_OPEN), None
    pin, shift = shift.pin, shift._replace(pin="")
    try:
        require_well_formed(pin)
    except MalformedPin:
        return shift._replace(message=Remark.SLIP), None
    return shift, Check(caller, pin, shift.ticket)


def _after_verdict(shift: Shift, call: Call) -> Shift:
    verdict = call.verdict
    # A caller who tries again is one call.
    before, earlier = shift.tally, shift.calls
    if shift.before is not None:
        before, earlier = shift.before, shift.calls[1:]
    calls = (call, *earlier)[:_CALLS_AT_MOST]
    after = _next_call(shift)._replace(tally=_counted(before, verdict), calls=calls)
    if verdict.outcome is Outcome.INCORRECT and verdict.state is State.ACTIVE:
        after = after._replace(caller=verdict.user, ticket=shift.ticket, before=before)
    return after._replace(message=verdict)


def _counted(tally: Tally, verdict: Verdict) -> Tally:
    if verdict.outcome is Outcome.VERIFIED:
        return tally._replace(verified=tally.verified + 1)
    if verdict.state is State.LOCKED:
        return tally._replace(locked=tally.locked + 1)
    return tally._replace(refused=tally.refused + 1)


def _next_call(shift: Shift) -> Shift:
    """Ready for the next call, with nothing of the last one."""
    return Shift(tickets=shift.tickets, tally=shift.tally, calls=shift.calls)
