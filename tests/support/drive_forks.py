"""Run pincli many times, each in a process of its own that is forked with everything imported.

One job a line on stdin, as JSON; one answer a line on stdout. A child is the real program
with its own descriptors, from argv to exit code: it just has not to import anything.
"""

from __future__ import annotations

import base64
import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

from pincli.__main__ import main
from pincli.commands import registry
from pincli.vault.verifiers import Verifiers
from tests.support.failpoints import Plan, install


def serve() -> None:
    """Answer jobs until stdin ends."""
    _import_everything()
    for line in sys.stdin:
        json.dump(_run(json.loads(line)), sys.stdout)
        sys.stdout.write("\n")
        sys.stdout.flush()


def _import_everything() -> None:
    for entry in registry.COMMANDS:
        entry.load()
    for module in ("rich.console", "sqlite_utils", "cryptography.hazmat.primitives.hpke"):
        importlib.import_module(module)
    Verifiers().warm_up()
    gc.freeze()


def _run(job: dict[str, Any]) -> dict[str, Any]:
    """Fork a child for one job, kill it if and when the job says so, and tell how it ended."""
    read, write = os.pipe()
    os.write(write, base64.b64decode(job["stdin"]))
    os.close(write)
    out, err = os.memfd_create("out"), os.memfd_create("err")
    child = os.fork()
    if child == 0:
        os._exit(_be_pincli(job, (read, out, err)))
    os.close(read)
    if job["kill_after"] is not None:
        time.sleep(job["kill_after"])
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "out": _content(out),
        "err": _content(err),
    }


def _be_pincli(job: dict[str, Any], streams: tuple[int, int, int]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(0, closefd=False),
        os.fdopen(1, "w", closefd=False),
        os.fdopen(2, "w", closefd=False),
    )
    if job["plan"] is None:
        os.chdir(job["cwd"])
        os.umask(job["umask"])
        os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = ["pincli", *job["arguments"]]
    code: object = None
    try:
        if job["plan"] is not None:
            install(Plan.load(job["plan"]))
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 71


def _content(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb") as file:
        return file.read().decode()


if __name__ == "__main__":
    serve()
