"""Writes a mark as fast as it can, and prints each written number, until it is killed.

Arguments: the folder, and the number to begin with.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pincli.store.mark import Mark, Seen

STORE = bytes(range(16))
PLACE = bytes(32)


def seen(number: int) -> Seen:
    """What is written as that number, with a link made from it."""
    return Seen(number, number.to_bytes(32, "big"), 0, PLACE)


if __name__ == "__main__":
    mark = Mark.open(Path(sys.argv[1]), STORE)
    assert mark is not None
    number = int(sys.argv[2])
    while mark.write(seen(number)):
        os.write(1, number.to_bytes(8, "big"))
        number += 1
