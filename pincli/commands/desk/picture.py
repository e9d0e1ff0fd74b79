"""The state of the shift as something to show; no digit of a PIN gets past here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pincli.commands.desk.choices import Choices
from pincli.commands.desk.shift import is_digits
from pincli.commands.desk.state import Refusal, Remark, Shift
from pincli.models import Verdict
from pincli.rules.names import mask_pins
from pincli.rules.pins import PIN_LENGTH
from pincli.views import desk as view
from pincli.views.blocks import Block, Menu, Problem

# As long as it may still become a PIN that was typed in the wrong place.
_DIGITS_ALONE = re.compile(rf"(?<!\S)\d{{1,{PIN_LENGTH}}}(?!\S)")
_WORDS = {
    Remark.SLIP: f"{PIN_LENGTH} digits, please. That was a slip, not an attempt.",
    Remark.DIGITS_ONLY: "A PIN has digits only; Esc ends the call.",
    Remark.STILL_OPEN: "Type the PIN as the caller says it; Esc ends the call.",
    Remark.CANCELLED: "The call was cancelled. Nothing was counted.",
    Remark.CLEARED: "Cleared, as nobody typed for a while.",
    Remark.NO_SUCH_NAME: "No name begins like this.",
}
_USER_KEYS = (
    ("Enter", "look up"),
    ("Tab", "complete"),
    ("Esc", "clear"),
    ("Ctrl-D", "end shift"),
)
_CHOICE_KEYS = (
    ("Up/Down", "choose"),
    *_USER_KEYS,
)
_CORRECTION_KEYS = (
    ("Up", "correct it"),
    *_USER_KEYS,
)
_PIN_KEYS = (
    ("Enter", "check the PIN"),
    ("Esc", "cancel the call"),
    ("Ctrl-D", "end shift"),
)
_AGAIN_KEYS = (
    ("Enter", "check again"),
    ("Esc", "end the call"),
    ("Ctrl-D", "end shift"),
)


def picture(shift: Shift) -> view.Picture:
    """All that is to be seen in this state."""
    warning = view.notice(shift.warning) if shift.warning else []
    # What answers a call needs the whole place; a remark leaves room for who it is about.
    is_remark = shift.said is None or isinstance(shift.said, Remark)
    standing = _standing(shift) if is_remark else []
    return view.Picture(
        _entry(shift), _said(shift), standing, warning, shift.tally, _keys(shift), shift.turn
    )


def masked(text: str) -> str:
    """A line of the same length in which nothing can be a PIN."""
    return mask_pins(_DIGITS_ALONE.sub(lambda digits: "*" * len(digits[0]), text))


def _entry(shift: Shift) -> view.Entry | view.Marks:
    if shift.caller is not None:
        well = is_digits(shift.pin) and len(shift.pin) <= PIN_LENGTH
        return view.Marks("PIN", len(shift.pin), wrong=not well)
    return view.Entry("user", masked(shift.line.text), shift.line.cursor)


def _said(shift: Shift) -> list[Block]:
    match shift.said:
        case Verdict():
            return view.answered(shift.said)
        case Refusal(problem):
            return view.unavailable(problem)
        case Problem():
            return view.complaint(shift.said)
        case Choices(lead, _, more, _, chosen):
            return [*lead, Menu(shift.said.fitting, chosen, more)]
        case Remark():
            return view.notice(_WORDS[shift.said])
        case None:
            return []


def _standing(shift: Shift) -> list[Block]:
    if shift.caller is None:
        return view.opening()
    return view.caller(shift.caller, None if shift.ticket is None else mask_pins(shift.ticket))


def _keys(shift: Shift) -> Sequence[tuple[str, str]]:
    if shift.caller is not None:
        return _PIN_KEYS if shift.counted == view.Tally() else _AGAIN_KEYS
    if isinstance(shift.said, Choices):
        return _CHOICE_KEYS
    return _CORRECTION_KEYS if shift.last_line.text and not shift.line.text else _USER_KEYS
