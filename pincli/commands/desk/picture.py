"""The state of the shift as something to show; no digit of a PIN gets past here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pincli.commands.desk.choices import Choices
from pincli.commands.desk.shift import is_remark
from pincli.commands.desk.state import Refusal, Remark, Shift
from pincli.models import Verdict
from pincli.rules.names import mask_pins
from pincli.rules.pins import PIN_LENGTH
from pincli.views import desk as view
from pincli.views.blocks import Block, Problem

# As long as it may still become a PIN that was typed in the wrong place.
_DIGITS_ALONE = re.compile(rf"(?<!\S)\d{{1,{PIN_LENGTH}}}(?!\S)")
_WORDS = {
    Remark.SLIP: f"{PIN_LENGTH} digits, please. That was a slip, not an attempt.",
    Remark.DIGITS_ONLY: "A PIN has digits only; Esc ends the call.",
    Remark.STILL_OPEN: "Type the PIN as the caller says it; Esc ends the call.",
    Remark.CANCELLED: "The call was cancelled. Nothing was counted.",
    Remark.CLEARED: "Cleared, as nobody typed for a while.",
}
_END = ("Ctrl-D", "end shift")
_CALLER_KEYS = (("Enter", "look up"), ("Esc", "clear"), _END)
_CHOICE_KEYS = (("Up/Down", "choose"), *_CALLER_KEYS)
_PIN_KEYS = (("Enter", "check the PIN"), ("Esc", "cancel the call"), _END)
_AGAIN_KEYS = (("Enter", "check again"), ("Esc", "end the call"), _END)


def said(shift: Shift) -> list[Block]:
    """What was said last, and who it is about."""
    about: list[Block] = []
    if is_remark(shift.said):
        about = view.opening()
        if shift.caller is not None:
            about = view.caller(shift.caller, shift.ticket and mask_pins(shift.ticket))
    warning = view.notice(shift.warning) if shift.warning else []
    match shift.said:
        case Verdict():
            return view.answered(shift.said) + warning
        case Refusal(problem):
            return view.unavailable(problem) + warning
        case Problem():
            return view.complaint(shift.said) + warning
        case Choices():
            return [*shift.said.lead, *warning]
        case Remark():
            return view.notice(_WORDS[shift.said]) + about + warning
        case None:
            return about + warning


def keys(shift: Shift) -> Sequence[tuple[str, str]]:
    """What the keys do now, each a key and its meaning."""
    if shift.caller is not None:
        return _PIN_KEYS if shift.counted == view.Tally() else _AGAIN_KEYS
    return _CHOICE_KEYS if isinstance(shift.said, Choices) else _CALLER_KEYS


def masked(text: str) -> str:
    """A line of the same length in which nothing can be a PIN."""
    return mask_pins(_DIGITS_ALONE.sub(lambda digits: "*" * len(digits[0]), text))
