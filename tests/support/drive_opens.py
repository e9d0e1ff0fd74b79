"""Run pincli once, and note down what Python itself opens: drive_opens TARGET ARGUMENTS...

SQLite opens its files in C, past this hook.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pincli.__main__ import main


def drive() -> None:
    """Take the target off the command line, and let pincli have the rest of it."""
    noted = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes, Path)):
            os.write(noted, os.fsencode(arguments[0]) + b"\n")

    sys.addaudithook(note)
    sys.argv[0] = "pincli"
    main()


if __name__ == "__main__":
    drive()
