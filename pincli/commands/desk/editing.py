"""One line as it is typed, and the cursor in it."""

from __future__ import annotations

from typing import NamedTuple

from pincli.commands.desk.keys import Key
from pincli.rules.names import LONGEST_NAME, LONGEST_TICKET

LONGEST_LINE = LONGEST_NAME + LONGEST_TICKET + 8
"""A name, a ticket and some blanks; more is not taken."""


class Line(NamedTuple):
    """A text and the place in it where the next character goes.

    People type a PIN in the wrong place, so its repr hides the text.
    """

    text: str = ""
    cursor: int = 0

    def __repr__(self) -> str:
        return f"Line(cursor={self.cursor})"

    def with_text(self, text: str) -> Line:
        """The line with a text put in at the cursor, as far as there is room."""
        text = text[: LONGEST_LINE - len(self.text)]
        return Line(
            self.text[: self.cursor] + text + self.text[self.cursor :], self.cursor + len(text)
        )

    def after(self, key: Key) -> Line:  # noqa: PLR0911
        """The line after an editing key; the same line for any other key."""
        before, behind = self.text[: self.cursor], self.text[self.cursor :]
        match key:
            case Key.LEFT:
                return self._replace(cursor=max(0, self.cursor - 1))
            case Key.RIGHT:
                return self._replace(cursor=min(len(self.text), self.cursor + 1))
            case Key.HOME:
                return self._replace(cursor=0)
            case Key.END:
                return line_of(self.text)
            case Key.BACKSPACE:
                return Line(before[:-1] + behind, max(0, self.cursor - 1))
            case Key.DELETE:
                return Line(before + behind[1:], self.cursor)
            case Key.ERASE_REST:
                return line_of(before)
            case Key.ERASE_LINE:
                return Line(behind, 0)
            case Key.ERASE_WORD:
                kept = before.rstrip().rpartition(" ")
                before = kept[0] + kept[1]
                return Line(before + behind, len(before))
            case _:
                return self


def line_of(text: str) -> Line:
    """A line with the cursor at its end."""
    return Line(text, len(text))
