"""The state of a shift as blocks to show; no digit of a PIN gets past here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pincli.commands.desk.state import Failure, LastCalls, Listing, Remark, Shift
from pincli.commands.desk.transitions import adds_ticket
from pincli.models import Verdict
from pincli.rules.caller_line import read_line
from pincli.rules.pins import PIN_LENGTH
from pincli.rules.texts import mask_pins, recorded_ticket
from pincli.views import desk as view
from pincli.views.answer import Problem
from pincli.views.blocks import Block

# Up to six digits alone may still become a PIN, typed in the wrong place.
_DIGITS_ALONE = re.compile(rf"(?<![^\s#])\d{{1,{PIN_LENGTH}}}(?!\S)")
_END = ("Ctrl-D", "end shift")
_LAST_CALLS = ("Ctrl-R", "last calls")
_CALLER_KEYS = (("Enter", "find"), ("Esc", "clear"), _END, _LAST_CALLS)
_VERDICT_KEYS = (("Enter", "find"), ("#T-1", "add a ticket"), _END, _LAST_CALLS)
_LIST_KEYS = (("Up/Down", "choose"), ("Enter", "open"), ("Esc", "next call"), _END)
_ANNOUNCE = ("Ctrl-T", "tell the portal")
_PIN_KEYS = (("Enter", "check PIN"), ("Esc", "cancel call"), _END, _ANNOUNCE)
_AGAIN_KEYS = (("Enter", "check again"), ("Esc", "end call"), _END, _ANNOUNCE)


def message(shift: Shift, *, roomy: bool = True) -> list[Block]:
    """What is shown below the line; all details only if `roomy`."""
    blocks = _message(shift)
    if isinstance(shift.message, Remark | None):
        if shift.caller is None:
            blocks += view.opening()
        else:
            blocks += view.card(shift.caller, _shown_ticket(shift), roomy=roomy)
    return blocks + (view.remark(shift.warning) if shift.warning else [])


def keys(shift: Shift) -> Sequence[tuple[str, str]]:
    """What the keys do now, each a key and its meaning."""
    if shift.caller is not None:
        return _PIN_KEYS if shift.before is None else _AGAIN_KEYS
    if isinstance(shift.message, Verdict) and shift.message.attempt is not None:
        return _VERDICT_KEYS
    is_list = isinstance(shift.message, Listing) and shift.message.found.people
    return _LIST_KEYS if is_list else _CALLER_KEYS


def ticket(shift: Shift) -> str:
    """The ticket in the line, shown before Enter."""
    found = _typed_ticket(shift)
    if shift.caller is not None or not found:
        return ""
    return f"ticket {found if _is_of_site(shift, found) else _masked(found)}"


def masked(shift: Shift) -> str:
    """The line at the same length, without digits that may be a PIN."""
    found = _typed_ticket(shift)
    if not _is_of_site(shift, found):
        return _masked(shift.line)
    before, _, after = shift.line.rpartition(found)
    return _masked(before) + found + _masked(after)


def _message(shift: Shift) -> list[Block]:  # noqa: PLR0911
    match shift.message:
        case Verdict():
            return view.large_verdict(shift.message)
        case Failure(problem):
            return view.failure(problem)
        case Problem():
            return view.complaint(shift.message)
        case Listing(_, found):
            return view.people_heading(found, hidden=masked(shift) != shift.line)
        case LastCalls():
            return view.opening() + view.last_calls(shift.calls)
        case Remark():
            return view.remark(shift.message.value)
        case None:
            return []


def _typed_ticket(shift: Shift) -> str:
    if adds_ticket(shift, shift.line):
        return shift.line[1:]
    pattern = None if shift.tickets is None else shift.tickets.pattern
    return read_line(shift.line, pattern=pattern).ticket or ""


def _is_of_site(shift: Shift, found: str) -> bool:
    return bool(found and shift.tickets and shift.tickets.fullmatch(found))


def _shown_ticket(shift: Shift) -> str | None:
    return None if shift.ticket is None else recorded_ticket(shift.ticket, None, shift.tickets)


def _masked(text: str) -> str:
    return mask_pins(_DIGITS_ALONE.sub(lambda digits: "*" * len(digits[0]), text))
