"""The answers of `call`: a call began, or it ended."""

from __future__ import annotations

from pincli.models import User
from pincli.rules.calls import CALL_LASTS, call_of
from pincli.rules.times import present, written
from pincli.views.answer import Answer
from pincli.views.blocks import Fields, Headline, Note, Tone
from pincli.views.people import record_of
from pincli.views.verdict import who

_SAY = "The portal now shows that support is calling you. Please have a look."


def facts_of_call(user: User) -> dict[str, str | None] | None:
    """The JSON of the call with a user; None if there is no call."""
    call = call_of(user, at=written(present()))
    return None if call is None else call._asdict()


def begun(user: User) -> Answer:
    """The answer of `call`."""
    minutes = int(CALL_LASTS.total_seconds() // 60)
    fields = [("ticket", user.call_ref), ("lasts", f"{minutes} minutes"), ("say", _SAY)]
    return Answer(
        _facts(user, changed=True),
        lambda: [
            Headline(Tone.GOOD, "calling", who(user)),
            Fields([(name, text) for name, text in fields if text is not None]),
        ],
    )


def ended(user: User, changed: bool) -> Answer:
    """The answer of `call --end`."""
    over = Headline(Tone.GOOD, "call ended", who(user))
    nobody = Note(f"nobody is calling {who(user)}")
    return Answer(_facts(user, changed=changed), lambda: [over if changed else nobody])


def _facts(user: User, *, changed: bool) -> dict[str, object]:
    return {**record_of(user), "call": facts_of_call(user), "changed": changed}
