"""The shift as a state machine: a key or an answer in, the next state and what to do out.

No terminal, no store and no clock: every call can be played through in a test.
"""

from __future__ import annotations

import re

from pincli.commands.desk.choices import Choices
from pincli.commands.desk.editing import Line, line_of
from pincli.commands.desk.keys import Key, KeyEvent, Paste, Text
from pincli.commands.desk.state import (
    Answer,
    Check,
    Complete,
    Do,
    Effect,
    LookUp,
    Refusal,
    Remark,
    Said,
    Shift,
)
from pincli.errors import MalformedPin
from pincli.models import Outcome, State, User, Verdict
from pincli.rules.names import is_printable
from pincli.rules.pins import GAP, require_well_formed
from pincli.views.blocks import Problem
from pincli.views.desk import Tally

IDLE_SECONDS = 120.0
"""After so long without a key, whatever is shown of a caller goes."""

_LONGEST_PIN = 32


def pressed(shift: Shift, event: KeyEvent) -> tuple[Shift, Effect | None]:
    """The state after a key, and what is to be done now."""
    match event:
        case Key.END_SHIFT:
            return shift, Do.FINISH
        case Key.SUSPEND:
            return shift._replace(pin=""), Do.SUSPEND
        case Key.REDRAW:
            return shift, Do.REDRAW
        case Key.CANCEL:
            return cancelled(shift), None
    if shift.caller is not None:
        return _pin_key(shift, shift.caller, event)
    return _user_key(shift, event)


def answered(shift: Shift, ticket: str | None, answer: Answer) -> Shift:
    """The state after what was to be done is done.

    Args:
        shift: The state before.
        ticket: The ticket of the call that the answer is about.
        answer: What came of it.
    """
    match answer:
        case User():
            fresh = Shift(caller=answer, ticket=ticket, tally=shift.tally, turn=shift.turn)
            return _saying(fresh, None)
        case Verdict():
            return _after_verdict(shift, ticket, answer)
        case Choices():
            listed = _saying(_next_call(shift), answer)
            return listed._replace(ticket=ticket, last_line=shift.line)
        case Problem():
            return _saying(_next_call(shift), answer)._replace(last_line=shift.line)
        case Refusal():
            return _saying(_next_call(shift), answer)


def completed(shift: Shift, common: str, choices: Choices | None) -> Shift:
    """The state after a Tab: as much of the name as is sure, and the names there are."""
    line = shift.line
    first, blank, rest = line.text.lstrip().partition(" ")
    if len(common) > len(first):
        line = Line(common + blank + rest, len(common))
    if choices is None and not common:
        return _saying(shift, Remark.NO_SUCH_NAME)
    if choices is None:
        return _saying(shift, None)._replace(line=line)
    return _saying(shift, choices)._replace(line=line)


def warned(shift: Shift, text: str) -> Shift:
    """The state once it is known that something went wrong beside the call."""
    return shift._replace(warning=text)


def cancelled(shift: Shift) -> Shift:
    """The state after Esc: no caller, nothing typed; what was charged before stays charged."""
    fresh = _next_call(shift)
    open_call = shift.caller is not None and shift.counted == Tally()
    return _saying(fresh, Remark.CANCELLED if open_call else None)


def gone_idle(shift: Shift) -> Shift:
    """The state after a long while without a key: nothing of any caller is left."""
    return _saying(_next_call(shift), Remark.CLEARED) if holds_details(shift) else shift


def holds_details(shift: Shift) -> bool:
    """Whether anything is shown or kept that belongs to one caller."""
    is_remark = shift.said is None or isinstance(shift.said, Remark)
    typed = shift.line.text or shift.last_line.text
    return bool(shift.caller or typed or not is_remark)


def is_digits(text: str) -> bool:
    """Whether a text is made of ASCII digits alone."""
    return text.isascii() and (text.isdigit() or not text)


def typed_name(line: Line) -> tuple[str, str | None]:
    """The name and the ticket in a line; the name is empty in an empty line."""
    name, _, ticket = line.text.strip().partition(" ")
    return name, ticket.strip() or None


def _user_key(  # noqa: PLR0911
    shift: Shift, event: KeyEvent
) -> tuple[Shift, Effect | None]:
    choices = shift.said if isinstance(shift.said, Choices) else None
    match event:
        case Text(text):
            return _edited(shift, shift.line.with_text(text)), None
        case Paste(text):
            first_line = next(iter(text.strip().splitlines()), "")
            printable = "".join(filter(is_printable, first_line))
            return _edited(shift, shift.line.with_text(printable)), None
        case Key.ENTER:
            name, ticket = typed_name(shift.line)
            look_up = LookUp(name, ticket or shift.ticket)
            return (shift, look_up) if name else (_next_call(shift), None)
        case Key.TAB if choices is not None and choices.offers_next(typed_name(shift.line)[0]):
            return _chosen(shift, choices, 1), None
        case Key.TAB:
            return shift, Complete(typed_name(shift.line)[0])
        case Key.UP | Key.DOWN if choices is not None:
            return _chosen(shift, choices, 1 if event is Key.DOWN else -1), None
        case Key.UP if not shift.line.text:
            return shift._replace(line=line_of(shift.last_line.text)), None
        case Key():
            return _edited(shift, shift.line.after(event)), None
    return shift, None


def _edited(shift: Shift, line: Line) -> Shift:
    """The line as edited: the next call begins, and what was said of the last one goes."""
    if line == shift.line:
        return shift
    said = shift.said
    if isinstance(said, Choices):
        said = said.begun_with(typed_name(line)[0])
    elif line.text != shift.line.text:
        said = None
    return shift._replace(line=line, said=said)


def _chosen(shift: Shift, choices: Choices, step: int) -> Shift:
    choices = choices.moved(step)
    _, ticket = typed_name(shift.line)
    text = f"{choices.name} {ticket}" if ticket else choices.name
    return shift._replace(line=Line(text, len(choices.name)), said=choices)


def _pin_key(  # noqa: PLR0911
    shift: Shift, caller: User, event: KeyEvent
) -> tuple[Shift, Effect | None]:
    match event:
        case Text(text) | Paste(text):
            return _with_answer(shift, text), None
        case Key.BACKSPACE:
            return shift._replace(pin=shift.pin[:-1]), None
        case Key.ERASE_LINE | Key.ERASE_WORD:
            return shift._replace(pin=""), None
        case Key.ENTER if not shift.pin:
            return _saying(shift, Remark.STILL_OPEN), None
        case Key.ENTER:
            pin, shift = shift.pin, shift._replace(pin="")
            try:
                require_well_formed(pin)
            except MalformedPin:
                return _saying(shift, Remark.SLIP), None
            return shift, Check(caller.login, pin, shift.ticket)
    return shift, None


def _with_answer(shift: Shift, text: str) -> Shift:
    """With what was typed of the PIN, ungrouped: blanks and dashes are how people read it out.

    Another character stays in it, as what it makes of the answer is a slip, and no PIN.
    """
    text = re.sub(GAP, "", text)
    if not text:
        return shift
    shift = shift._replace(pin=(shift.pin + text)[:_LONGEST_PIN])
    if not is_digits(text):
        return _saying(shift, Remark.DIGITS_ONLY)
    # The last verdict goes: the next one must be seen to be another.
    return shift._replace(said=None)


def _after_verdict(shift: Shift, ticket: str | None, verdict: Verdict) -> Shift:
    kind = _kind_of(verdict)
    tally = Tally(
        *(n - old + new for n, old, new in zip(shift.tally, shift.counted, kind, strict=True))
    )
    after = _saying(_next_call(shift), verdict)._replace(tally=tally)
    if verdict.outcome is Outcome.INCORRECT and verdict.state is State.ACTIVE:
        return after._replace(caller=verdict.user, ticket=ticket, counted=kind)
    return after


def _kind_of(verdict: Verdict) -> Tally:
    if verdict.outcome is Outcome.VERIFIED:
        return Tally(verified=1)
    return Tally(locked=1) if verdict.state is State.LOCKED else Tally(refused=1)


def _next_call(shift: Shift) -> Shift:
    """Ready for the next call, with nothing of the last one."""
    return Shift(tally=shift.tally, turn=shift.turn)


def _saying(shift: Shift, said: Said) -> Shift:
    return shift._replace(said=said, turn=shift.turn + 1)
