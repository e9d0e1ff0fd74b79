"""Runs of pincli without its imports: one process has them, and forks every run."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_ROOM = 60_000
"""Bytes that a pipe takes without a reader."""
_turn = threading.Lock()

Result = tuple[int, str, str]
"""The exit code, stdout and stderr of a run."""


def forked(
    arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str], *, stdout: str = ""
) -> Result | None:
    """Run pincli; None if another thread runs it, or if the input is long.

    Args:
        arguments: What follows `pincli`.
        stdin: What is piped in.
        environment: All of it.
        stdout: A file to write to in place of the result.
    """
    if len(stdin) > _ROOM or not _turn.acquire(blocking=False):
        return None
    try:
        return _result({**job(arguments, stdin, environment), "stdout": stdout})
    finally:
        _turn.release()


def forked_with(
    plan: str, arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str]
) -> Result:
    """Run pincli with failpoints; after another thread's run, if there is one."""
    with _turn:
        return _result(job(arguments, stdin, environment, plan))


def _result(run: dict[str, Any]) -> Result:
    return results(_of_worker(os.getpid()), [run])[0]


def source() -> subprocess.Popen[str]:
    """Start the process that forks; see drive_forks.py."""
    return subprocess.Popen(
        (sys.executable, "-m", "tests.support.drive_forks"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
    )


def job(
    arguments: Sequence[str],
    stdin: bytes,
    environment: Mapping[str, str],
    plan: str | None = None,
    kill_after: float | None = None,
) -> dict[str, Any]:
    """One run, as drive_forks.py reads it; with a plan the environment is an addition."""
    return {
        "arguments": arguments,
        "stdin": base64.b64encode(stdin).decode(),
        "environment": environment,
        "cwd": str(Path.cwd()),
        "umask": _umask(),
        "plan": plan,
        "kill_after": kill_after,
    }


def results(process: subprocess.Popen[str], jobs: list[dict[str, Any]]) -> list[Result]:
    """Run these jobs at once, and wait for all."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(jobs) + "\n")
    process.stdin.flush()
    ended = json.loads(process.stdout.readline())
    return [(each["code"], each["out"], each["err"]) for each in ended]


@cache
def _of_worker(_: int) -> subprocess.Popen[str]:
    return source()


def _umask() -> int:
    present = os.umask(0)
    os.umask(present)
    return present
