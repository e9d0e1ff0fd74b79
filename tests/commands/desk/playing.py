"""Playing calls through the state machine, with answers in place of a store."""

from __future__ import annotations

from pincli.commands.desk.choices import Choices
from pincli.commands.desk.keys import Key, KeyEvent, Paste, Text
from pincli.commands.desk.picture import picture
from pincli.commands.desk.shift import answered, pressed
from pincli.commands.desk.state import Answer, Check, Effect, LookUp, Shift
from pincli.config import Display
from pincli.models import Outcome, State, Verdict
from pincli.views.desk import listed
from pincli.views.full_screen import frame
from pincli.views.transcript import Transcript
from tests.store.attempting import NO_PIN
from tests.views.records import alice

PLAIN = Display(unicode=True, color=False)
VERIFIED = Verdict(Outcome.VERIFIED, alice(), State.ACTIVE)
MISSED = Verdict(Outcome.INCORRECT, alice(failed_attempts=1), State.ACTIVE)
SIXTH = Verdict(Outcome.INCORRECT, alice(failed_attempts=6), State.LOCKED)
LOCKED = Verdict(Outcome.LOCKED, alice(failed_attempts=6), State.LOCKED)
UNCOLLECTED = Verdict(Outcome.UNCOLLECTED, alice(**NO_PIN), State.UNCOLLECTED)
NAMES = Choices(listed("acme", 3), [("alice", "Alice"), ("alicia", "Alicia"), ("bob", "Bob")])


def press(shift: Shift, *keys: KeyEvent | str) -> tuple[Shift, Effect | None]:
    """The state after some keys, texts being typed, and what the last one asked for."""
    effect: Effect | None = None
    for key in keys:
        shift, effect = pressed(shift, Text(key) if isinstance(key, str) else key)
    return shift, effect


def after(shift: Shift, *keys: KeyEvent | str) -> Shift:
    """The state alone."""
    return press(shift, *keys)[0]


def told(shift: Shift, answer: Answer, ticket: str | None = None) -> Shift:
    """The state after an answer."""
    return answered(shift, ticket, answer)


def calling(ticket: str | None = None) -> Shift:
    """Alice has been looked up, and her PIN is asked for."""
    shift, effect = press(Shift(), "alice", Key.ENTER)
    assert effect == LookUp("alice", None)
    return told(shift, alice(), ticket)


def call(shift: Shift, *verdicts: Verdict) -> Shift:
    """A whole call of Alice's with these verdicts, one for each PIN."""
    shift = told(after(shift, "alice", Key.ENTER), alice())
    for verdict in verdicts:
        shift, effect = press(shift, "444159", Key.ENTER)
        assert effect == Check("alice", "444159", None)
        shift = told(shift, verdict)
    return shift


def drawn(shift: Shift, columns: int = 80, rows: int = 24) -> str:
    """What stands on the screen."""
    return "\n".join(frame(picture(shift), PLAIN, columns, rows).rows)


def printed(*shifts: Shift) -> str:
    """What is printed where there is no screen."""
    transcript = Transcript(PLAIN)
    return "".join(transcript.continued(picture(shift)) for shift in shifts)


def pasted(text: str) -> Paste:
    """A paste of this text."""
    return Paste(text)
