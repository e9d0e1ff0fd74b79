"""The answers of `pin show`, `pin change`, `pin check`, `lock` and `unlock`."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.models import User
from pincli.results import ShownPin
from pincli.rules.lockout import state_of
from pincli.views.answer import Answer
from pincli.views.blocks import Fields, Headline, Next, Note, Tone
from pincli.views.people import record_of, several, state_facts
from pincli.views.sanitiser import command
from pincli.views.verdict import who


def shown(result: ShownPin) -> Answer:
    """The answer of `pin show`, the only one that always shows a PIN."""
    user = result.user
    return Answer(
        {"user": user.login, "account": user.account, "pin": result.pin},
        lambda: [
            Headline(Tone.NEUTRAL, result.pin, f"support PIN of {who(user)}"),
            Next(command("verify", user.login), "when they call", user=user),
        ],
    )


def changed(user: User) -> Answer:
    """The answer of `pin change`."""
    return Answer(state_facts(user), lambda: [Headline(Tone.GOOD, "PIN changed", who(user))])


def allowed() -> Answer:
    """The answer of `pin check` for a PIN that may be chosen."""
    return Answer({"allowed": True}, lambda: [Headline(Tone.GOOD, "that PIN may be used")])


def locked(results: Sequence[tuple[User, bool]]) -> Answer:
    """The answer of `lock`.

    Args:
        results: Each record afterwards, and whether the lock is new.
    """
    if len(results) == 1:
        ((user, changed),) = results
        headline = Headline(Tone.GOOD, "locked", who(user))
        already = Note(f"{who(user)} is already locked")
        return Answer(
            {**record_of(user), "changed": changed}, lambda: [headline if changed else already]
        )
    return several(len(results), sum(changed for _, changed in results), "locked")


def unlocked(user: User) -> Answer:
    """The answer of `unlock`."""
    return Answer(
        state_facts(user),
        lambda: [
            Headline(Tone.GOOD, "unlocked", who(user)),
            Fields(
                [
                    ("state", state_of(user).value),
                    ("PIN", "the same as before" if user.question else "none"),
                ]
            ),
        ],
    )
