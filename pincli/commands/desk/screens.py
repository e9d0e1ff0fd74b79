"""Showing pictures: on a full screen, or as plain lines where the cursor can't be moved."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.config import Display
from pincli.views.desk import Picture
from pincli.views.transcript import Transcript

_ERASE = "\x1b[0m\x1b[H\x1b[J"
_ALTERNATE, _NORMAL = "\x1b[?1049h", "\x1b[?1049l"
_PASTES, _NO_PASTES = "\x1b[?2004h", "\x1b[?2004l"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_REST_OF_ROW = "\x1b[0m\x1b[K"


class FullScreen:
    """The alternate screen, from which nothing goes to the scroll-back.

    A terminal without one ignores the switch; there, erasing has to do.
    """

    def __init__(self, display: Display) -> None:
        self._display = display
        self._shown: Sequence[str] = ()

    def opening(self) -> str:
        """What makes the terminal ready."""
        self._shown = ()
        return f"{_ALTERNATE}{_ERASE}{_PASTES}"

    def closing(self) -> str:
        """What leaves nothing of it behind."""
        return f"{_ERASE}{_NO_PASTES}{_SHOW_CURSOR}{_NORMAL}"

    def redrawn(self) -> str:
        """What comes before a picture that is drawn again, whatever is there."""
        self._shown = ()
        return _ERASE

    def next(self, picture: Picture, size: tuple[int, int]) -> str:
        """What to write to have this picture at a size; only the rows that differ."""
        from pincli.views.full_screen import frame

        columns, rows = size
        rows_now, (row, column) = frame(picture, self._display, columns, rows)
        shown = self._shown if len(self._shown) == len(rows_now) else [""] * len(rows_now)
        changes = [
            f"\x1b[{number};1H{now}{_REST_OF_ROW}"
            for number, (now, before) in enumerate(zip(rows_now, shown, strict=True), start=1)
            if now != before
        ]
        self._shown = rows_now
        return "".join([_HIDE_CURSOR, *changes, f"\x1b[{row + 1};{column + 1}H", _SHOW_CURSOR])


class PlainLines:
    """Line after line, as on paper."""

    def __init__(self, display: Display) -> None:
        self._transcript = Transcript(display)

    def opening(self) -> str:
        """Nothing has to be made ready."""
        return ""

    def closing(self) -> str:
        """The end of a line that was begun."""
        return self._transcript.interrupted()

    def redrawn(self) -> str:
        """A prompt that other output may have come after is printed again."""
        return self._transcript.interrupted()

    def next(self, picture: Picture, _size: tuple[int, int]) -> str:
        """What to print to have said this."""
        return self._transcript.continued(picture)


Screen = FullScreen | PlainLines
