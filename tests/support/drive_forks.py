"""Run pincli many times, each in a process of its own that is forked with everything imported.

A line of stdin is a JSON list of jobs to run at once; a line of stdout has their results. A child
is the real program with its own descriptors, from argv to exit code, but imports nothing.
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
from pincli.vault.answers import Answers
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
    for module in (
        *("rich.console", "sqlite_utils", "cryptography.hazmat.primitives.hpke"),
        "pincli.store.postgresql.engine",
    ):
        importlib.import_module(module)
    Answers().warm_up()
    gc.freeze()


def _run(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fork a child for each job, let all begin at once, kill some on time, and collect all."""
    gate, let_in = os.pipe()
    children = [_begin(job, gate, let_in) for job in jobs]
    os.close(gate)
    os.close(let_in)
    _kill({child: job["kill_after"] for child, job in zip(children, jobs, strict=True)})
    return [_end(child) for child in children]


def _begin(job: dict[str, Any], gate: int, let_in: int) -> tuple[int, int, int]:
    """The child of a job, waiting at the gate, and what it will write to."""
    read, write = os.pipe()
    os.write(write, base64.b64decode(job["stdin"]))
    os.close(write)
    out, err = os.memfd_create("out"), os.memfd_create("err")
    child = os.fork()
    if child == 0:
        os.close(let_in)
        os.read(gate, 1)
        os._exit(_be_pincli(job, (read, out, err)))
    os.close(read)
    return child, out, err


def _kill(after: dict[tuple[int, int, int], float | None]) -> None:
    began = time.monotonic()
    for child, seconds in sorted(after.items(), key=lambda each: each[1] or 0):
        if seconds is not None:
            time.sleep(max(began + seconds - time.monotonic(), 0))
            os.kill(child[0], signal.SIGKILL)


def _end(running: tuple[int, int, int]) -> dict[str, Any]:
    child, out, err = running
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "out": _content(out), "err": _content(err)}


def _be_pincli(job: dict[str, Any], streams: tuple[int, int, int]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    if job.get("stdout"):
        os.dup2(os.open(job["stdout"], os.O_WRONLY), 1)
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
