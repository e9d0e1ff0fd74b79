"""Where the process begins: `pincli` and `python -m pincli`.

Only what must happen before the slow imports is here.
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
    _forget_the_scripts_folder()
    # One command makes no garbage worth a pass; the desk asks for one between calls.
    gc.disable()
    try:
        from pincli.cli import run

        code = run()
    except MemoryError:
        # Even for saying so properly there was none.
        os.write(2, b"pincli: error: there is not enough memory\n")
        code = 8
    sys.exit(code)


def process() -> None:
    """Run pincli and end the process: by now all that it wrote is written.

    The interpreter would first take down one module after another, for 5 ms and more, and
    wait for a head start that nobody needs any more.
    """
    try:
        main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)


def _forget_the_scripts_folder() -> None:
    """Import nothing that lies beside the script: each import would look there first."""
    folder = os.path.realpath(sys.argv[0]).rpartition(os.sep)[0]
    if sys.path[:1] == [folder]:
        del sys.path[0]


def _occupy_standard_streams() -> None:
    """Put something where 0, 1 or 2 is closed, so that no file of ours becomes stderr.

    A closed stdin is an empty one, a closed stderr swallows everything; a closed stdout takes
    nothing, since an answer that nobody can get is no success.
    """
    for descriptor, stream, access, mode in (
        (0, "stdin", os.O_RDONLY, "r"),
        (1, "stdout", os.O_RDONLY, "w"),
        (2, "stderr", os.O_WRONLY, "w"),
    ):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, access)
            setattr(sys, stream, open(descriptor, mode, closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    process()
