"""Screens drawn into a string, as a pipe or as a terminal would get them."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence

import pytest

from pincli.config import Display
from pincli.views import text_output
from pincli.views.blocks import Block

COLOURED = Display(unicode=True, color=True)
UNCOLOURED = Display(unicode=True, color=False)
ASCII = Display(unicode=False, color=False)

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


class FakeTerminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Always."""
        return True


def piped(blocks: Sequence[Block], display: Display = UNCOLOURED) -> str:
    """What goes into a pipe."""
    stream = io.StringIO()
    text_output.write(blocks, display, stream)
    return stream.getvalue()


def drawn(
    blocks: Sequence[Block], display: Display, patch: pytest.MonkeyPatch, *, columns: int = 80
) -> str:
    """What a terminal of this width gets."""
    patch.setenv("COLUMNS", str(columns))
    patch.setenv("TERM", "xterm-256color")
    stream = FakeTerminal()
    text_output.write(blocks, display, stream)
    return stream.getvalue()


def without_styles(text: str) -> str:
    """The text without colours; any other escape sequence stays in it."""
    return _STYLE.sub("", text)


def letters(text: str) -> Counter[str]:
    """Every character that is no blank, and how often."""
    return Counter(without_styles(text).translate({ord(blank): None for blank in " \n"}))
