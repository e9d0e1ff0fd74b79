"""What a screen is made of. Views compose these; plain.py and terminal.py draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pincli.views.exit_codes import ExitCode


class Tone(Enum):
    """What a text means; the drawing decides what that looks like."""

    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    NEUTRAL = "neutral"
    QUIET = "quiet"


@dataclass(frozen=True)
class Headline:
    """The answer: a sign, a word, and what it is about."""

    tone: Tone
    word: str
    about: str = ""


@dataclass(frozen=True)
class Fields:
    """Label and value, one pair a line, the values aligned."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Note:
    """A sentence."""

    text: str
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True)
class Next:
    """A command to run next, and what for."""

    command: str
    why: str


@dataclass(frozen=True)
class Table:
    """Columns, and rows that may come page by page from the store."""

    columns: Sequence[str]
    pages: Iterable[Sequence[Sequence[str]]]
    empty: str


Block = Headline | Fields | Note | Next | Table


@dataclass(frozen=True)
class Problem:
    """An error as it is told: a word for scripts, a sentence, and what to do."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class Answer:
    """What a command has to say, for programs and for people.

    Attributes:
        facts: The JSON keys; a value may be an iterator, and is then written as an array.
        screen: Makes the blocks; not called when JSON is wanted.
        problem: The JSON `error`, for an answer that is a failure, as "incorrect" is.
        exit_code: The exit code if all of it can be written.
    """

    facts: dict[str, object]
    screen: Callable[[], Sequence[Block]] = field(default=tuple)
    problem: Problem | None = None
    exit_code: ExitCode = ExitCode.DONE
