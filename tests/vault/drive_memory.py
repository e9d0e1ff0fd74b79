"""Answers as the argument says while the address space is nearly full, then with room again.

Arguments: how much is loaded before memory gets short (`nothing`, `libraries`, `all`), and how
many KiB are left then. Prints what happened, once short and once with room.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from pincli.errors import PincliError
from pincli.vault.answers import Answers
from pincli.vault.keyring import Key

KEY = Key(bytes(32), "zero")
ANSWERS = Answers()
QUESTION = ANSWERS.ask()


def tried() -> str:
    """What came of one answer."""
    try:
        ANSWERS.answer(QUESTION, KEY, bytes(16), 1, "444159")
    except PincliError as error:
        return type(error).__name__
    return "answered"


loaded, left = sys.argv[1], int(sys.argv[2]) * 1024
if loaded == "libraries":
    ANSWERS.prepare()
if loaded == "all":
    ANSWERS.warm_up()
used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
_, most = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + left, most))
short = tried()
resource.setrlimit(resource.RLIMIT_AS, (most, most))
print(short, tried())
