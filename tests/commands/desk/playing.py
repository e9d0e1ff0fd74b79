"""Playing calls through the state machine, with answers in place of a store."""

from __future__ import annotations

from enum import Enum, auto

from pincli.commands.desk import picture
from pincli.commands.desk import shift as machine
from pincli.commands.desk.choices import Choices
from pincli.commands.desk.state import Answer, Check, Effect, LookUp, Shift
from pincli.config import Display
from pincli.models import Outcome, State, Verdict
from pincli.views import desk as view
from tests.store.attempting import NO_PIN
from tests.views.records import alice

PLAIN = Display(unicode=True, color=False)
VERIFIED = Verdict(Outcome.VERIFIED, alice(), State.ACTIVE)
MISSED = Verdict(Outcome.INCORRECT, alice(failed_attempts=1), State.ACTIVE)
SIXTH = Verdict(Outcome.INCORRECT, alice(failed_attempts=6), State.LOCKED)
LOCKED = Verdict(Outcome.LOCKED, alice(failed_attempts=6), State.LOCKED)
UNCOLLECTED = Verdict(Outcome.UNCOLLECTED, alice(**NO_PIN), State.UNCOLLECTED)
NAMES = Choices(view.listed("acme", 3, 3), [("alice", "Al"), ("alicia", "Al"), ("bob", "Bob")])


class Key(Enum):
    """A key that is no text."""

    ENTER = auto()
    CANCEL = auto()
    UP = auto()
    DOWN = auto()
    BACKSPACE = auto()
    ERASE = auto()


def press(shift: Shift, *keys: Key | str) -> tuple[Shift, Effect | None]:
    """The state after some keys, texts being typed, and what the last one asked for."""
    effect: Effect | None = None
    for key in keys:
        effect = None
        match key:
            case Key.ENTER:
                shift, effect = machine.entered(shift)
            case Key.CANCEL:
                shift = machine.cancelled(shift)
            case Key.UP | Key.DOWN:
                shift = machine.moved(shift, 1 if key is Key.DOWN else -1)
            case Key.BACKSPACE | Key.ERASE if shift.caller is not None:
                shift = machine.erased(shift, all_of_it=key is Key.ERASE)
            case Key.BACKSPACE | Key.ERASE:
                shift = machine.edited(shift, shift.line[:-1] if key is Key.BACKSPACE else "")
            case _ if shift.caller is not None:
                shift = machine.typed(shift, key)
            case _:
                shift = machine.edited(shift, shift.line + machine.pasted(f"|{key}|")[1:-1])
    return shift, effect


def after(shift: Shift, *keys: Key | str) -> Shift:
    """The state alone."""
    return press(shift, *keys)[0]


def told(shift: Shift, answer: Answer) -> Shift:
    """The state after an answer."""
    return machine.answered(shift, answer)


def calling(ticket: str = "") -> Shift:
    """Alice has been looked up, and her PIN is asked for."""
    shift, effect = press(Shift(), f"alice {ticket}", Key.ENTER)
    assert effect == LookUp("alice", ticket or None)
    return told(shift, alice())


def call(shift: Shift, *verdicts: Verdict) -> Shift:
    """A whole call of Alice's with these verdicts, one for each PIN."""
    shift = told(after(shift, "alice", Key.ENTER), alice())
    for verdict in verdicts:
        shift, effect = press(shift, "444159", Key.ENTER)
        assert isinstance(effect, Check)
        assert (effect.user.login, effect.pin, effect.ticket) == ("alice", "444159", None)
        shift = told(shift, verdict)
    return shift


def drawn(shift: Shift, columns: int = 80, rows: int = 24, display: Display = PLAIN) -> str:
    """The parts of the screen, from the top; prompt_toolkit has them side by side, and cuts."""
    width = max(1, min(columns - 1, view.WIDEST))
    entry = picture.masked(shift.line)
    if shift.caller is not None:
        entry = view.marks(len(shift.pin), display)
    said = shift.said
    names = (said.fitting, said.chosen) if isinstance(said, Choices) else ((), None)
    return "\n".join(
        [
            *view.head(shift.tally, display, width),
            entry,
            *view.body(picture.said(shift), display, width, rows),
            *view.menu(*names, display, width),
            view.foot(picture.keys(shift), display, width),
        ]
    )
