"""The desk as plain lines, for terminals whose cursor can't be moved, and for screen readers."""

from __future__ import annotations

from collections.abc import Sequence

from pincli.config import Display
from pincli.views import plain
from pincli.views.blocks import Block, Note
from pincli.views.desk import Entry, Marks, Picture, Tally, counts
from pincli.views.sanitiser import shown

_MARK = "*"
_BACK = "\b \b"


class Transcript:
    """What has been printed so far, and what is to follow."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._turn: int | None = None
        self._tally = Tally()
        self._warning: Sequence[Block] = ()
        self._prompt = ""

    def continued(self, picture: Picture) -> str:
        """What to print so that this picture is what was said last."""
        prompt = self._prompt_of(picture.entry)
        said = [] if picture.turn == self._turn else list(picture.said or picture.standing)
        if list(picture.warning) != list(self._warning):
            said += picture.warning
        if self._turn is None:
            said.append(Note(", ".join(f"{key}: {meaning}" for key, meaning in picture.keys)))
        if picture.tally != self._tally:
            said.append(Note(f"this shift: {counts(picture.tally)}"))
        self._turn, self._tally = picture.turn, picture.tally
        self._warning = picture.warning
        before, self._prompt = self._prompt, prompt
        if not said:
            return self._retyped(before, prompt)
        text = "".join(f"{line}\n" for line in plain.lines(said, self._display))
        return ("\n" if before else "") + text + prompt

    def interrupted(self) -> str:
        """What to print so that other output begins on a line of its own."""
        before, self._prompt = self._prompt, ""
        return "\n" if before else ""

    def _prompt_of(self, entry: Entry | Marks) -> str:
        typed = _MARK * entry.digits if isinstance(entry, Marks) else entry.text
        return shown(f"{entry.label}: {typed}", unicode=self._display.unicode)

    @staticmethod
    def _retyped(before: str, after: str) -> str:
        """The echo of a key: what it adds, what it takes away, or else the whole line again.

        A backspace is what the terminal itself would echo; nothing else moves the cursor.
        """
        if after.startswith(before):
            return after[len(before) :]
        if before.startswith(after) and before.isascii():
            return _BACK * (len(before) - len(after))
        return f"\n{after}"
