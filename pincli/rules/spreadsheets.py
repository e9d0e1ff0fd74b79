"""Text for a spreadsheet, which runs what looks like a formula."""

from __future__ import annotations

import re

# Where a cell begins, be it only where semicolons part them, and what a formula begins with;
# the wide signs are read as such in East Asian locales. An apostrophe makes it text.
_FORMULA = re.compile("(^|[;|\t])(?='*\\s*[=+\\-@\t\r＝＋－＠])")  # noqa: RUF001
_HARMLESS = re.compile(_FORMULA.pattern.replace("(?=", "'(?="))


def harmless(text: str) -> str:
    """The text as a field no part of which is run as a formula."""
    return _FORMULA.sub("\\1'", text)


def as_written(field: str) -> str:
    """The text that was made harmless; any other as it is."""
    return _HARMLESS.sub("\\1", field)
