"""What a screen is made of. Views compose these; layout.py makes lines of them.

Annotations are not postponed here, as in models.py.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from pincli.models import User
from pincli.views.exit_codes import ExitCode


class Tone(Enum):
    """What a text means; the drawing decides what that looks like."""

    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    NEUTRAL = "neutral"
    QUIET = "quiet"


class Headline(NamedTuple):
    """The answer: a sign, a word, and what it is about."""

    tone: Tone
    word: str
    about: str = ""


class Band(NamedTuple):
    """A headline that is seen from across the desk: as wide as the screen."""

    headline: Headline


class Fields(NamedTuple):
    """Label and value, one pair a line, the values aligned."""

    pairs: Sequence[tuple[str, str]]


class Note(NamedTuple):
    """A sentence."""

    text: str
    tone: Tone = Tone.NEUTRAL


class Next(NamedTuple):
    """A command to run next, and what for.

    Attributes:
        otherwise: The next step for callers who may not run that command; empty for none.
        user: The user in the command; --account is added if another account has the login.
    """

    command: str
    why: str
    otherwise: str = ""
    user: User | None = None


class Table(NamedTuple):
    """Columns, and rows that may come page by page from the store.

    Attributes:
        empty: What is shown if there are no rows.
        folding: The columns that may be folded where the terminal is narrow; the others
            stay whole. None for all of them.
    """

    columns: Sequence[str]
    pages: Iterable[Sequence[Sequence[str]]]
    empty: str
    folding: Sequence[str] | None = None


class Chart(NamedTuple):
    """Rows of small bars: a label, the values over time, and a closing word."""

    rows: Sequence[tuple[str, Sequence[int], str]]


class Menu(NamedTuple):
    """Rows to choose from, and the one that is chosen.

    Attributes:
        more: What to say about those that are not among the rows; empty if there are none.
    """

    rows: Sequence[Sequence[str]]
    chosen: int | None
    more: str = ""


Block = Headline | Band | Fields | Note | Next | Table | Chart | Menu


class Problem(NamedTuple):
    """An error as it is shown: a word for scripts, a sentence, and what to do."""

    code: str
    message: str
    hint: str


class Answer(NamedTuple):
    """What a command has to say, for programs and for people.

    Attributes:
        facts: The JSON keys; a value may be an iterator, and is then written as an array.
        screen: Makes the blocks; not called when JSON is wanted.
        text: What people get as it is, in place of a screen.
        complaints: Makes the lines that go to stderr before the problem, for an answer
            that has no screen; not called when JSON is wanted.
        problem: The JSON `error`, for an answer that is a failure, as "incorrect" is.
        exit_code: The exit code if all of it can be written.
        secret: Whether PINs stand in the facts, which then may not touch the disk.
    """

    facts: dict[str, object]
    screen: Callable[[], Sequence[Block]] = tuple
    text: str | None = None
    complaints: Callable[[], Sequence[str]] | None = None
    problem: Problem | None = None
    exit_code: ExitCode = ExitCode.DONE
    secret: bool = False

    @property
    def is_long(self) -> bool:
        """Whether it comes page by page, and somebody may not want to see all of it."""
        return any(isinstance(value, Iterator) for value in self.facts.values())


def counted(number: int, noun: str) -> str:
    """How many of something: `1 user`, `2 users`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
