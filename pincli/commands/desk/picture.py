"""The state of the shift as something to show; no digit of a PIN gets past here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pincli.commands.desk.shift import is_remark, is_ticket_of
from pincli.commands.desk.state import Listing, Recent, Refusal, Remark, Shift
from pincli.models import Verdict
from pincli.rules.caller_line import read_line
from pincli.rules.names import mask_pins
from pincli.rules.pins import PIN_LENGTH
from pincli.views import desk as view
from pincli.views.blocks import Block, Problem

# As long as it may still become a PIN that was typed in the wrong place.
_DIGITS_ALONE = re.compile(rf"(?<![^\s#])\d{{1,{PIN_LENGTH}}}(?!\S)")
_WORDS = {
    Remark.SLIP: f"{PIN_LENGTH} digits, please. That was a slip, not an attempt.",
    Remark.DIGITS_ONLY: "A PIN has digits only; Esc ends the call.",
    Remark.STILL_OPEN: "Type the PIN as the caller says it; Esc ends the call.",
    Remark.CANCELLED: "The call was cancelled. Nothing was counted.",
    Remark.CLEARED: "Cleared, as nobody typed for a while.",
    Remark.TO_QUIT: "Ctrl-D ends the shift.",
    Remark.TICKET_ADDED: "The ticket was added.",
    Remark.CALLED: "The portal now shows the customer that you are calling.",
}
_END = ("Ctrl-D", "end shift")
_LAST_CALLS = ("Ctrl-R", "last calls")
_CALLER_KEYS = (("Enter", "find"), ("Esc", "clear"), _END, _LAST_CALLS)
_VERDICT_KEYS = (("Enter", "find"), ("#T-1", "add a ticket"), _END, _LAST_CALLS)
_LIST_KEYS = (("Up/Down", "choose"), ("Enter", "open"), ("Esc", "next call"), _END)
_CALL = ("Ctrl-T", "show the call")
_PIN_KEYS = (("Enter", "check the PIN"), ("Esc", "cancel the call"), _END, _CALL)
_AGAIN_KEYS = (("Enter", "check again"), ("Esc", "end the call"), _END, _CALL)


def said(shift: Shift, *, roomy: bool = True) -> list[Block]:
    """What was said last, and who it is about; with what is dispensable only if `roomy`."""
    warning = view.notice(shift.warning) if shift.warning else []
    return [*_said(shift), *(_about(shift, roomy=roomy) if is_remark(shift.said) else []), *warning]


def _about(shift: Shift, *, roomy: bool) -> list[Block]:
    if shift.caller is None:
        return view.opening()
    return view.caller(shift.caller, _shown(shift.ticket), roomy=roomy)


def _said(shift: Shift) -> list[Block]:  # noqa: PLR0911
    match shift.said:
        case Verdict():
            return view.answered(shift.said)
        case Refusal(problem):
            return view.unavailable(problem)
        case Problem():
            return view.complaint(shift.said)
        case Listing():
            return view.fitting(shift.said.found, hidden=masked(shift.line) != shift.line)
        case Recent():
            calls = [(at, verdict, _shown(ticket)) for at, verdict, ticket in shift.calls]
            return view.opening() + view.recent(calls)
        case Remark():
            return view.notice(_WORDS[shift.said])
        case None:
            return []


def keys(shift: Shift) -> Sequence[tuple[str, str]]:
    """What the keys do now, each a key and its meaning."""
    if shift.caller is not None:
        return _PIN_KEYS if shift.counted == view.Tally() else _AGAIN_KEYS
    if isinstance(shift.said, Verdict) and shift.said.attempt is not None:
        return _VERDICT_KEYS
    is_list = isinstance(shift.said, Listing) and shift.said.found.people
    return _LIST_KEYS if is_list else _CALLER_KEYS


def ticket(shift: Shift, pattern: str | None) -> str:
    """What is taken for a ticket in the line, before Enter."""
    found = read_line(shift.line, pattern=pattern).ticket
    if is_ticket_of(shift.said, shift.line):
        found = shift.line[1:]
    return "" if shift.caller is not None or found is None else f"ticket {masked(found)}"


def _shown(ticket: str | None) -> str | None:
    return None if ticket is None else mask_pins(ticket)


def masked(text: str) -> str:
    """A line of the same length in which nothing can be a PIN."""
    return mask_pins(_DIGITS_ALONE.sub(lambda digits: "*" * len(digits[0]), text))
