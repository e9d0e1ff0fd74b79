"""A line about a caller, typed or pasted: whom it may name, and perhaps a ticket."""

from __future__ import annotations

import re
from typing import NamedTuple

_SIGN = "#"
"""What follows this sign is a ticket."""
_TICKET = re.compile(
    r"[A-Za-z]{1,10}[-_/:][0-9][\w./-]{0,80}|[A-Z]{2,10}[0-9]{4,20}|[0-9]{3,5}|[0-9]{7,12}"
)
"""Six digits could be a PIN."""
_LONGEST = 1000
"""Characters that are looked at: each cell and each address is a question to the store."""
_CELLS = re.compile(r"[\t;|]")
_ADDRESS = re.compile(r"<([^<>\s@]+@[^<>\s@]+)>")
_MAILTO = re.compile(r"\bmailto:", re.IGNORECASE)


class CallerLine(NamedTuple):
    """The ticket in a line, without the sign before it, and the other words."""

    ticket: str | None
    words: str


def read_line(text: str, *, pattern: str | None = None) -> CallerLine:
    """Separate the ticket in a line from the rest.

    It is the last of several words, or a cell of a pasted row. With a pattern, only what
    matches it is a ticket, and what has a # before it.
    """
    cells = _CELLS.split(text)
    if len(cells) > 1:
        places = [place for place, cell in enumerate(cells) if _is_ticket(cell.strip(), pattern)]
        if not places:
            return CallerLine(None, text)
        ticket = cells.pop(places[0]).strip()
        return CallerLine(ticket.removeprefix(_SIGN), "\t".join(cells))
    before, _, last = text.strip().rpartition(" ")
    if before and _is_ticket(last, pattern):
        return CallerLine(last.removeprefix(_SIGN), before.strip())
    return CallerLine(None, text.strip())


def names_in(text: str) -> tuple[list[str], str]:
    """What may be a whole login or e-mail address in a line, and the text to search by words.

    It may be a line of one word, any cell of a pasted row, or any address. If an address
    follows a name, the text is the name.
    """
    text = _MAILTO.sub("", text[:_LONGEST]).strip()
    cells = [cell.strip() for cell in _CELLS.split(text)]
    addresses = _ADDRESS.findall(text) or [
        word.strip("<>(),.") for word in text.split() if "@" in word
    ]
    names = [cell for cell in cells if cell and " " not in cell]
    return list(dict.fromkeys([*names, *addresses])), _ADDRESS.sub("", text).strip() or text


def _is_ticket(word: str, pattern: str | None) -> bool:
    if word.startswith(_SIGN):
        return len(word) > len(_SIGN) and " " not in word
    return re.fullmatch(pattern or _TICKET, word) is not None
