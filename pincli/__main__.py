"""The entry point of `pincli` and `python -m pincli`.

It holds only what must happen before the slow imports.
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
    # Ctrl-C during the imports ends the process without a word; cli.py takes over later.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _occupy_standard_streams()
    _forget_the_scripts_folder()
    # One command makes too little garbage for a collection; the desk collects between calls.
    gc.disable()
    try:
        from pincli.cli import run

        code = run()
    except MemoryError:
        # There was not even enough to report it in the usual way.
        os.write(2, b"pincli: error: there is not enough memory\n")
        code = 8
    sys.exit(code)


def process() -> None:
    """Run pincli, then end the process at once. Its output is flushed before that.

    The interpreter would first take down its modules, for 5 ms and more, and wait for threads
    whose work nobody needs any more.
    """
    try:
        main()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)


def _forget_the_scripts_folder() -> None:
    """Import nothing from the script's folder, where each import would look first."""
    folder = os.path.realpath(sys.argv[0]).rpartition(os.sep)[0]
    if sys.path[:1] == [folder]:
        del sys.path[0]


def _occupy_standard_streams() -> None:
    """Open /dev/null where 0, 1 or 2 is closed, so that no file of ours becomes stderr.

    A closed stdin reads as empty, and a closed stderr drops everything. A closed stdout fails:
    an answer that nobody can read is not a success.
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
