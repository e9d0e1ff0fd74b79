"""Which steps have a run killed before them: every fourth, others each day; in CI all."""

from __future__ import annotations

import os
from datetime import date

EVERYTHING = os.environ.get("CI") == "true" or os.environ.get("PINCLI_TEST_ALL") == "1"
EVERY = 1 if EVERYTHING else 4
"""One of so many steps is tried."""
FIRST = 1 + date.today().toordinal() % EVERY
"""The first step of today's."""


def is_tried(number: int) -> bool:
    """Whether the step of this number, counted from 1, is one of today's."""
    return (number - FIRST) % EVERY == 0
