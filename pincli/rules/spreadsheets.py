"""Text for a spreadsheet, which runs what looks like a formula."""

from __future__ import annotations

import re

# Where a cell begins, be it only where semicolons part them, and what a formula begins with;
# the wide signs are read as such in East Asian locales.
_FORMULA = re.compile("(^|[;|\t])(?=\\s*[=+\\-@\t\r＝＋－＠])")  # noqa: RUF001


def harmless(text: str) -> str:
    """A field no part of which is run as a formula; one made so already stays as it is."""
    return _FORMULA.sub("\\1'", text)
