"""The blocks of a screen. Views compose them; layout.py makes lines of them.

Annotations are not postponed here, as in models.py.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from pincli.models import User
from pincli.views.exit_codes import ExitCode


class Tone(Enum):
    """What a text means. layout.py has the colours."""

    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    NEUTRAL = "neutral"
    QUIET = "quiet"


class Headline(NamedTuple):
    """A sign, a word, and what it is about."""

    tone: Tone
    word: str
    about: str = ""


class Band(NamedTuple):
    """A large headline, as wide as the screen. For terminals only."""

    headline: Headline


class Fields(NamedTuple):
    """Labels and values, one pair a line, the values aligned."""

    pairs: Sequence[tuple[str, str]]


class Note(NamedTuple):
    """A sentence."""

    text: str
    tone: Tone = Tone.NEUTRAL


class Next(NamedTuple):
    """A command to run next, and why.

    Attributes:
        otherwise: The next step for callers who may not run that command; may be empty.
        user: The user in the command; --account is added if another account has the login.
    """

    command: str
    why: str
    otherwise: str = ""
    user: User | None = None


class Table(NamedTuple):
    """Columns, and rows that may come page by page from the store.

    Attributes:
        empty: The sentence for a table without rows.
        folding: The columns that may be folded on a narrow terminal; None for all.
    """

    columns: Sequence[str]
    pages: Iterable[Sequence[Sequence[str]]]
    empty: str
    folding: Sequence[str] | None = None


class Chart(NamedTuple):
    """Rows of small bars: a label, the values over time, and a word after them.

    The highest bar is the highest value of all rows, or of its own row.
    """

    rows: Sequence[tuple[str, Sequence[int], str]]
    scaled_by_row: bool = False


class Menu(NamedTuple):
    """Rows to choose from, and the number of the chosen one."""

    rows: Sequence[Sequence[str]]
    chosen: int | None


Block = Headline | Band | Fields | Note | Next | Table | Chart | Menu


class Problem(NamedTuple):
    """An error as shown: a code for scripts, a sentence, and what to do."""

    code: str
    message: str
    hint: str


class Answer(NamedTuple):
    """The answer of a command, for programs and for people.

    Attributes:
        facts: The JSON keys; an iterator is written as an array.
        screen: Makes the blocks; not called for JSON.
        text: What people get in place of a screen, as it is.
        complaints: Makes the lines on stderr before the problem, for an answer without a
            screen; not called for JSON.
        problem: The JSON `error`, for an answer that is a failure, as "incorrect" is.
        exit_code: The exit code if all of it can be written.
        secret: Whether PINs are among the facts, which then may not touch the disk.
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
        """Whether it comes page by page, so that a person may want to stop it."""
        return any(isinstance(value, Iterator) for value in self.facts.values())


def counted(number: int, noun: str) -> str:
    """How many of something: `1 user`, `2 users`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
