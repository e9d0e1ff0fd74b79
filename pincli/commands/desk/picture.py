"""The state of the shift as something to show; no digit of a PIN gets past here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pincli.commands.desk.shift import is_remark
from pincli.commands.desk.state import Listing, Refusal, Remark, Shift
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
    Remark.HELP: "Type who is calling; the bottom line has the keys.",
    Remark.TO_QUIT: "Ctrl-D ends the shift.",
}
_END = ("Ctrl-D", "end shift")
_CALLER_KEYS = (("Enter", "find"), ("Esc", "clear"), _END)
_LIST_KEYS = (("Up/Down", "choose"), ("Enter", "open"), ("Esc", "next call"), _END)
_PIN_KEYS = (("Enter", "check the PIN"), ("Esc", "cancel the call"), _END)
_AGAIN_KEYS = (("Enter", "check again"), ("Esc", "end the call"), _END)


def said(shift: Shift, *, roomy: bool = True) -> list[Block]:
    """What was said last, and who it is about; with what can be done without only if `roomy`."""
    about: list[Block] = []
    if is_remark(shift.said):
        about = view.opening()
        if shift.caller is not None:
            about = view.caller(shift.caller, _shown(shift.ticket), roomy=roomy)
    warning = view.notice(shift.warning) if shift.warning else []
    match shift.said:
        case Verdict():
            return view.answered(shift.said) + warning
        case Refusal(problem):
            return view.unavailable(problem) + warning
        case Problem():
            return view.complaint(shift.said) + warning
        case Listing():
            return view.fitting(shift.said.found, hidden=masked(shift.line) != shift.line) + warning
        case Remark():
            return view.notice(_WORDS[shift.said]) + about + warning
        case None:
            return about + warning


def keys(shift: Shift) -> Sequence[tuple[str, str]]:
    """What the keys do now, each a key and its meaning."""
    if shift.caller is not None:
        return _PIN_KEYS if shift.counted == view.Tally() else _AGAIN_KEYS
    is_list = isinstance(shift.said, Listing) and shift.said.found.people
    return _LIST_KEYS if is_list else _CALLER_KEYS


def ticket(shift: Shift, pattern: str | None) -> str:
    """What is taken for a ticket in the line, before Enter."""
    found = read_line(shift.line, pattern=pattern).ticket
    return "" if shift.caller is not None or found is None else f"ticket {masked(found)}"


def _shown(ticket: str | None) -> str | None:
    return None if ticket is None else mask_pins(ticket)


def masked(text: str) -> str:
    """A line of the same length in which nothing can be a PIN."""
    return mask_pins(_DIGITS_ALONE.sub(lambda digits: "*" * len(digits[0]), text))
