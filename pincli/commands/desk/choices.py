"""Names to choose from: near ones, or the users of an account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pincli.views.blocks import Block

Row = tuple[str, ...]
"""The name first, then what is known about it."""


class Choices(NamedTuple):
    """Some names, and which of them is chosen.

    Attributes:
        lead: What is above them.
        rows: All of them.
        begun: What is typed of the name; rows that begin otherwise are left out, if any fits.
        chosen: The number of the chosen one among those left.
    """

    lead: Sequence[Block]
    rows: Sequence[Row]
    begun: str = ""
    chosen: int | None = None

    @property
    def fitting(self) -> Sequence[Row]:
        """The rows that begin with what is typed; all of them if none does."""
        return [row for row in self.rows if row[0].startswith(self.begun)] or self.rows

    @property
    def name(self) -> str:
        """The chosen name."""
        return "" if self.chosen is None else self.fitting[self.chosen][0]

    def begun_with(self, text: str) -> Choices:
        """The choices while something is typed."""
        return self._replace(begun=text.casefold(), chosen=None)

    def moved(self, step: int) -> Choices:
        """The next one chosen, or the one before; round and round."""
        count = len(self.fitting)
        if not count:
            return self
        start = (-1 if step > 0 else 0) if self.chosen is None else self.chosen
        return self._replace(chosen=(start + step) % count)
