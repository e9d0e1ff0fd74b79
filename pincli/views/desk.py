"""What the desk shows of a call, as blocks; full_screen.py and transcript.py place them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pincli.models import User, Verdict
from pincli.rules.states import state_of
from pincli.views.blocks import Band, Block, Fields, Headline, Next, Note, Problem, Tone
from pincli.views.status import when
from pincli.views.verdict import attempts, name_field, say, verdict
from pincli.views.verdict import caller as known_by

NOT_VERIFIED = Headline(Tone.BAD, "NOT VERIFIED")


class Tally(NamedTuple):
    """The calls of a shift, each by how it ended."""

    verified: int = 0
    refused: int = 0
    locked: int = 0


class Entry(NamedTuple):
    """A line being typed, as it may be shown.

    Attributes:
        cursor: How many of its characters stand before the cursor.
    """

    label: str
    text: str
    cursor: int


class Marks(NamedTuple):
    """A PIN being typed: a label, and one mark a digit.

    Attributes:
        wrong: Whether it can't become a PIN any more.
    """

    label: str
    digits: int
    wrong: bool = False


class Picture(NamedTuple):
    """All that the desk shows at one moment.

    Attributes:
        entry: What the agent is asked for.
        said: What was said last.
        standing: What is below it: the caller's card, or what a login looks like.
        warning: What went wrong beside the call.
        tally: The shift so far.
        keys: What the keys do now, each a key and its meaning.
        turn: Grows when something is said; while it stays, somebody is typing.
    """

    entry: Entry | Marks
    said: Sequence[Block]
    standing: Sequence[Block]
    warning: Sequence[Block]
    tally: Tally
    keys: Sequence[tuple[str, str]]
    turn: int = 0


def opening() -> list[Block]:
    """What is on the screen between two calls."""
    return [
        Note("The caller's login, and a ticket if there is one:  alice T-4711", Tone.QUIET),
        Note("An account's name lists its users.", Tone.QUIET),
    ]


def caller(user: User, ticket: str | None) -> list[Block]:
    """Who the caller says they are, and how they stand, before the PIN is asked for.

    Without a sign or a colour: nobody may take it for a verdict.
    """
    pairs = [
        ("user", known_by(user)),
        ("state", state_of(user).value),
        ("attempts", attempts(user)),
        ("last attempt", when(user.last_attempt_at, user.last_attempt_by)),
        ("last verified", when(user.last_verified_at, user.last_verified_by)),
    ]
    if user.locks_total:
        pairs.append(("locks ever", str(user.locks_total)))
    if ticket is not None:
        pairs.append(("ticket", ticket))
    return [Fields(pairs + name_field(user))]


def answered(result: Verdict) -> list[Block]:
    """The verdict, large; without commands to run, as the agent has no shell here."""
    return [
        Band(block) if isinstance(block, Headline) else block
        for block in verdict(result).screen()
        if not isinstance(block, Next)
    ]


def unavailable(problem: Problem) -> list[Block]:
    """A call that could not be answered: to the caller it is a no."""
    return [
        Band(NOT_VERIFIED),
        Fields([("why", problem.message), ("do", problem.hint), ("say", say("unavailable"))]),
    ]


def complaint(problem: Problem) -> list[Block]:
    """What is wrong with what was typed."""
    return [Headline(Tone.WARNING, problem.message), Note(f"  {problem.hint}", Tone.QUIET)]


def notice(text: str) -> list[Block]:
    """A remark, or something that went wrong beside the call."""
    return [Headline(Tone.WARNING, text)]


def listed(account: str, total: int) -> list[Block]:
    """What is above the users of an account."""
    users = "user" if total == 1 else "users"
    return [Headline(Tone.NEUTRAL, account, f"an account with {total} {users}")]


def row_of(user: User) -> tuple[str, str, str]:
    """A user among others to choose from, the login first."""
    return (user.login, user.display_name, state_of(user).value)


def more(count: int) -> str:
    """What is said of those that a menu leaves out."""
    return f"and {count} more: type the beginning of the login, then Tab"


MANY_MORE = "and more: type another letter, then Tab"


def counts(tally: Tally, *, short: bool = False) -> str:
    """The shift in a few words."""
    refused = "not" if short else "not verified"
    return f"{tally.verified} verified  {tally.refused} {refused}  {tally.locked} locked"


def summary(tally: Tally) -> Headline:
    """The one line that is left when the shift is over."""
    calls = sum(tally)
    about = (
        f"{calls} {'call' if calls == 1 else 'calls'}: {tally.verified} verified,"
        f" {tally.refused} not verified, {tally.locked} locked"
    )
    return Headline(Tone.NEUTRAL, "shift over", about)
