"""Whose turn it is: of many kill steps or cases every fourth, others each day; in CI all."""

from __future__ import annotations

import os
from datetime import date

EVERYTHING = os.environ.get("CI") == "true" or os.environ.get("PINCLI_TEST_ALL") == "1"
EVERY = 1 if EVERYTHING else 4
"""One of so many is tried."""
FIRST = 1 + date.today().toordinal() % EVERY
"""The first of today's."""


def is_tried(number: int) -> bool:
    """Whether the one of this number, counted from 1, has its turn today."""
    return (number - FIRST) % EVERY == 0
