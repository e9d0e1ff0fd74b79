"""The blocks of a screen. Views compose them; layout.py makes lines of them.

Annotations are not postponed here, as in models.py.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from pincli.models import User


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


def counted(number: int, noun: str) -> str:
    """How many of something: `1 user`, `2 users`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
