"""A process that makes a store on demand: run with a store's and a keys' folder."""

from __future__ import annotations

import sys
from pathlib import Path

from pincli.errors import PincliError
from pincli.models import Origin
from pincli.operations.setup import initialise

if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        initialise(Path(sys.argv[1]), Path(sys.argv[2]), origin=Origin("tester", "init"))
    except PincliError as error:
        print(error.code, flush=True)
    else:
        print("made", flush=True)
