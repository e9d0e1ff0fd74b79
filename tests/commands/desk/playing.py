"""Plays calls through the state machine, with responses in place of a store."""

from __future__ import annotations

from enum import Enum, auto

from pincli.commands.desk import rendering, transitions
from pincli.commands.desk.state import (
    Call,
    Card,
    Check,
    Find,
    Listing,
    Request,
    Response,
    Shift,
)
from pincli.config import Display
from pincli.models import Outcome, State, Verdict
from pincli.results import Found
from pincli.rules.texts import is_printable
from pincli.views import desk as view
from pincli.views.blocks import Menu
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


def press(shift: Shift, *keys: Key | str) -> tuple[Shift, Request | None]:
    """The state after these keys and typed texts, and the request of the last one."""
    request: Request | None = None
    for key in keys:
        request = None
        match key:
            case Key.ENTER:
                shift, request = transitions.enter(shift)
            case Key.CANCEL:
                shift = transitions.cancel(shift)
            case Key.UP | Key.DOWN:
                shift = transitions.choose(shift, 1 if key is Key.DOWN else -1)
            case Key.BACKSPACE | Key.ERASE if shift.caller is not None:
                shift = transitions.erase_pin(shift, whole=key is Key.ERASE)
            case Key.BACKSPACE | Key.ERASE:
                line = shift.line[:-1] if key is Key.BACKSPACE else ""
                shift, request = transitions.edit_line(shift, line)
            case _ if shift.caller is not None:
                shift = transitions.type_pin(shift, key)
            case _:
                typed = "".join(filter(is_printable, key))
                shift, request = transitions.edit_line(shift, shift.line + typed)
    return shift, request


def after(shift: Shift, *keys: Key | str) -> Shift:
    """The state alone."""
    return press(shift, *keys)[0]


def respond(shift: Shift, response: Response | Verdict) -> Shift:
    """The state after a response; a verdict has the time and the ticket added."""
    if isinstance(response, Verdict):
        response = Call("10:00", response, shift.ticket)
    return transitions.receive(shift, response)


def calling(ticket: str = "") -> Shift:
    """Alice's PIN is asked for."""
    shift, request = press(Shift(), f"alice {ticket}", Key.ENTER)
    assert request == Find(f"alice {ticket}".strip())
    return respond(shift, Card(alice(), ticket or None))


def call(shift: Shift, *verdicts: Verdict) -> Shift:
    """A call of Alice's with these verdicts, one for each PIN."""
    shift = respond(after(shift, "alice", Key.ENTER), Card(alice(), None))
    for verdict in verdicts:
        shift, request = press(shift, "444159", Key.ENTER)
        assert isinstance(request, Check)
        assert (request.user.login, request.pin, request.ticket) == ("alice", "444159", None)
        shift = respond(shift, verdict)
    return shift


def drawn(shift: Shift, columns: int = 80, rows: int = 24, display: Display = PLAIN) -> str:
    """The parts of the screen from the top, without prompt_toolkit's cutting."""
    width = max(1, min(columns - 1, view.WIDEST))
    entry = f"{rendering.masked(shift)}   {rendering.ticket(shift)}"
    if shift.caller is not None:
        entry = view.pin_marks(len(shift.pin), display)
    blocks = rendering.message(shift, roomy=rows >= view.ROOMY)
    if isinstance(shift.message, Listing):
        blocks.append(Menu(view.people_rows(shift.message.found, width), shift.message.chosen))
    return "\n".join(
        [
            *(row[:width] for row in _text(view.head(shift.tally, display, width)).splitlines()),
            entry,
            *(
                "".join(text for text, _ in line)
                for line in view.message_lines(blocks, display, width, rows)
            ),
            _text(view.foot(rendering.keys(shift), width))[:width],
        ]
    )


def _text(parts: list[view.Part]) -> str:
    return "".join(text for _, text in parts)
