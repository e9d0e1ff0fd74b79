"""Where the process begins: `pincli` and `python -m pincli`.

Only what must happen before the slow imports stands here.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys


def main() -> None:
    """Run pincli and exit."""
    os.umask(0o077)
    # A crash must not leave a PIN or a key in a core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ctrl-C during the imports ends the process quietly; the front door takes over later.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _occupy_standard_streams()
    # One short command makes no garbage worth a pass; bulk work turns it on again.
    gc.disable()
    from pincli.cli import run

    try:
        code = run()
    finally:
        # The interpreter would look through all of it once more at its end: 15 ms.
        gc.freeze()
    sys.exit(code)


def _occupy_standard_streams() -> None:
    """Put /dev/null where 0, 1 or 2 is closed, so that no file of ours becomes stderr."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


if __name__ == "__main__":
    main()
