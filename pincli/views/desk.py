"""What the desk shows of a call, as blocks, and the rows of its screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pincli.config import Display
from pincli.models import User, Verdict
from pincli.results import Found
from pincli.rules.lockout import state_of
from pincli.rules.pins import PIN_LENGTH
from pincli.views.answer import Problem
from pincli.views.blocks import Band, Block, Fields, Headline, Next, Note, Table, Tone
from pincli.views.folding import Line, Span, columns_of
from pincli.views.layout import lines
from pincli.views.status import when
from pincli.views.verdict import attempts, caller, login_of, name_field, say, short_name, verdict

WIDEST = 100
"""Columns; a longer line is tiring to read."""
ROOMY = 16
"""Rows; a screen of as many has room for blank ones."""

Part = tuple[str, str]
"""A style and its text."""

_TITLE = "pincli desk"
_GAP = "   "
_NOT_VERIFIED = Headline(Tone.BAD, "NOT VERIFIED")


class Tally(NamedTuple):
    """How many calls of a shift ended in which way."""

    verified: int = 0
    refused: int = 0
    locked: int = 0


def opening() -> list[Block]:
    """What is on the screen between two calls."""
    return [
        Note("The login, or words of the name and the company; and a ticket:", Tone.QUIET),
        Note("alice T-4711,  alice smith acme #4711", Tone.QUIET),
    ]


def card(user: User, ticket: str | None, *, roomy: bool = True) -> list[Block]:
    """Who the caller says they are, shown while the PIN is asked for.

    It has no sign and no colour, so that it can't be taken for a verdict.
    """
    pairs = [("user", caller(user)), ("attempts", attempts(user))]
    if roomy:
        pairs += [
            ("last attempt", when(user.last_attempt_at, user.last_attempt_by)),
            ("last verified", when(user.last_verified_at, user.last_verified_by)),
        ]
    if roomy and user.locks_total:
        pairs.append(("locks ever", str(user.locks_total)))
    if ticket is not None:
        pairs.append(("ticket", ticket))
    return [Fields(pairs + name_field(user))]


def large_verdict(result: Verdict) -> list[Block]:
    """The verdict, without commands to run: the agent has no shell here."""
    return [
        Band(block) if isinstance(block, Headline) else block
        for block in verdict(result).screen()
        if not isinstance(block, Next)
    ]


def without_bands(blocks: Sequence[Block]) -> list[Block]:
    """The same blocks for a place without room for a band."""
    return [block.headline if isinstance(block, Band) else block for block in blocks]


def failure(problem: Problem) -> list[Block]:
    """A call that could not be answered: for the caller it is a no."""
    return [
        Band(_NOT_VERIFIED),
        Fields([("why", problem.message), ("do", problem.hint), ("say", say("unavailable"))]),
    ]


def complaint(problem: Problem) -> list[Block]:
    """What is wrong with what was typed."""
    return [Headline(Tone.WARNING, problem.message), Note(f"  {problem.hint}", Tone.QUIET)]


def remark(text: str) -> list[Block]:
    """A remark, or a warning besides the call."""
    return [Headline(Tone.WARNING, text)]


def last_calls(calls: Sequence[tuple[str, Verdict, str | None]]) -> list[Block]:
    """The agent's own last calls, the latest first: time, verdict and ticket of each."""
    rows = [
        (at, call.outcome.value, call.user.login, call.user.account, ticket or "")
        for at, call, ticket in calls
    ]
    empty = "no calls in this shift"
    return [Table(("time", "outcome", "user", "account", "ticket"), [rows], empty)]


def people_heading(found: Found, *, hidden: bool = False) -> list[Block]:
    """The lines above the people who may be calling.

    Args:
        found: The people.
        hidden: Whether digits are hidden in the line.
    """
    if not found.people:
        hint = "ask for another word"
        if found.near:
            hint = f"near words: {', '.join(found.near)}"
        elif hidden:
            hint = "digits alone could be a PIN, and are hidden: find the caller first"
        return [Headline(Tone.WARNING, "nobody fits"), Note(f"  {hint}", Tone.QUIET)]
    number = len(found.people) + found.more
    if found.more:
        least = "" if found.all_counted else "more than "
        text = f"{least}{number} people fit: add a first name or the company. Read nothing out."
    else:
        fit = "1 person fits" if number == 1 else f"{number} people fit"
        text = f"{fit}. Ask for the company; read nothing out."
    return [Note(text)]


def people_rows(found: Found, width: int) -> list[tuple[str, ...]]:
    """The people who may be calling, one a row: login and account, and what else fits.

    The name comes last, so that it can't imitate the other columns.
    """
    for chosen in ("state", "name"), ("name",), ():
        rows = [_row_of(user, chosen) for user in found.people]
        wide = [max(map(columns_of, column), default=0) for column in zip(*rows, strict=True)]
        if sum(wide) + len(_GAP) * len(wide) < width:
            break
    return rows


def _row_of(user: User, chosen: Sequence[str]) -> tuple[str, ...]:
    rest = {"state": state_of(user).value, "name": short_name(user)}
    return (login_of(user), user.account, *(rest[each] for each in chosen))


def counts(tally: Tally, *, short: bool = False) -> str:
    """The tally in words."""
    refused = "not" if short else "not verified"
    return f"{tally.verified} verified  {tally.refused} {refused}  {tally.locked} locked"


def summary(tally: Tally) -> Headline:
    """The line that sums the shift up."""
    calls = "1 call" if sum(tally) == 1 else f"{sum(tally)} calls"
    return Headline(Tone.NEUTRAL, "shift over", f"{calls}: {counts(tally).replace('  ', ', ')}")


def head(tally: Tally, display: Display, width: int) -> list[Part]:
    """The title and the tally over a rule; without the title where there is no room."""
    text = counts(tally)
    if len(text) + 1 > width:
        text = counts(tally, short=True)
    gap = width - 1 - len(_TITLE) - len(text)
    title: list[Part] = [("bold", _TITLE), ("", " " * gap)] if gap >= len(_GAP) else []
    line = "\u2500" if display.unicode else "-"
    return [("", " "), *title, ("", f"{text}\n"), ("dim", line * width)]


def foot(keys: Sequence[tuple[str, str]], width: int) -> list[Part]:
    """What the keys do, for as many as there is room for."""
    parts: list[Part] = [("", " ")]
    room = width - 1
    for key, meaning in keys:
        needed = len(f"{key} {meaning}{_GAP}")
        if needed - len(_GAP) > room:
            break
        parts += [("bold", key), ("dim", f" {meaning}{_GAP}")]
        room -= needed
    return parts


def pin_marks(digits: int, display: Display) -> str:
    """A PIN while it is typed: filled marks, then empty ones for the missing digits."""
    mark, slot = ("\u25cf", "\u25cb") if display.unicode else ("*", "_")
    return " ".join([mark] * digits + [slot] * (PIN_LENGTH - digits))


def message_lines(
    blocks: Sequence[Block], display: Display, width: int, rows: int
) -> Iterator[Line]:
    """Blocks as lines of the screen; a verdict is large where there is room."""
    for block in blocks if rows >= ROOMY else without_bands(blocks):
        if isinstance(block, Band):
            yield from lines([block], display, width)
            yield []
        else:
            yield from ([Span(" "), *line] for line in lines([block], display, width - 1))
