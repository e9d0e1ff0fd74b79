"""Playing calls through the state machine, with answers in place of a store."""

from __future__ import annotations

from enum import Enum, auto

from pincli.commands.desk import picture
from pincli.commands.desk import shift as machine
from pincli.commands.desk.state import Answer, Card, Check, Effect, Find, Listing, Shift
from pincli.config import Display
from pincli.models import Outcome, State, Verdict
from pincli.results import Found
from pincli.views import desk as view
from tests.store.attempting import NO_PIN
from tests.views.records import alice

PLAIN = Display(unicode=True, color=False)
VERIFIED = Verdict(Outcome.VERIFIED, alice(), State.ACTIVE)
MISSED = Verdict(Outcome.INCORRECT, alice(failed_attempts=1), State.ACTIVE)
SIXTH = Verdict(Outcome.INCORRECT, alice(failed_attempts=6), State.LOCKED)
LOCKED = Verdict(Outcome.LOCKED, alice(failed_attempts=6), State.LOCKED)
UNCOLLECTED = Verdict(Outcome.UNCOLLECTED, alice(**NO_PIN), State.UNCOLLECTED)
ALICIA, BOB = alice(login="alicia"), alice(login="bob", account="globex")
PEOPLE = Found((alice(), ALICIA, BOB), more=340)
LIST = Listing("T-1", PEOPLE)


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
                line = shift.line[:-1] if key is Key.BACKSPACE else ""
                shift, effect = machine.edited(shift, line)
            case _ if shift.caller is not None:
                shift = machine.typed(shift, key)
            case _:
                shift, effect = machine.edited(shift, shift.line + machine.pasted(f"|{key}|")[1:-1])
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
    assert effect == Find(f"alice {ticket}".strip())
    return told(shift, Card(alice(), ticket or None))


def call(shift: Shift, *verdicts: Verdict) -> Shift:
    """A whole call of Alice's with these verdicts, one for each PIN."""
    shift = told(after(shift, "alice", Key.ENTER), Card(alice(), None))
    for verdict in verdicts:
        shift, effect = press(shift, "444159", Key.ENTER)
        assert isinstance(effect, Check)
        assert (effect.user.login, effect.pin, effect.ticket) == ("alice", "444159", None)
        shift = told(shift, verdict)
    return shift


def drawn(shift: Shift, columns: int = 80, rows: int = 24, display: Display = PLAIN) -> str:
    """The parts of the screen, from the top; prompt_toolkit has them side by side, and cuts."""
    width = max(1, min(columns - 1, view.WIDEST))
    entry = f"{picture.masked(shift.line)}   {picture.ticket(shift, None)}"
    if shift.caller is not None:
        entry = view.marks(len(shift.pin), display)
    said = shift.said
    people: list[str] = []
    if isinstance(said, Listing):
        people = view.menu(view.people(said.found, width), said.chosen, display, width)
    return "\n".join(
        [
            *(row[:width] for row in _text(view.head(shift.tally, display, width)).splitlines()),
            entry,
            *view.body(picture.said(shift, roomy=rows >= view.ROOMY), display, width, rows),
            *people,
            _text(view.foot(picture.keys(shift), width))[:width],
        ]
    )


def _text(parts: list[view.Part]) -> str:
    return "".join(text for _, text in parts)
