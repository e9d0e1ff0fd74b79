"""Which of many kill steps or cases are tried: every fourth, others each day; in CI all."""

from __future__ import annotations

import os
from datetime import date

EVERYTHING = os.environ.get("CI") == "true" or os.environ.get("PINCLI_TEST_ALL") == "1"
EVERY = 1 if EVERYTHING else 4
"""Every which one is tried."""
FIRST = 1 + date.today().toordinal() % EVERY
"""The first of today's."""


def is_tried(number: int) -> bool:
    """Whether the case of this number, counted from 1, is tried today."""
    return (number - FIRST) % EVERY == 0
