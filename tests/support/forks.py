"""Pincli run without its imports: one process of each worker has them, and forks every run."""

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
"""What a pipe takes without a reader."""
_turn = threading.Lock()


def forked(
    arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str]
) -> tuple[int, str, str] | None:
    """The exit code, stdout and stderr of one run; None while another is on, or for long inputs."""
    if len(stdin) > _ROOM or not _turn.acquire(blocking=False):
        return None
    try:
        job = {
            "arguments": arguments,
            "stdin": base64.b64encode(stdin).decode(),
            "environment": environment,
            "cwd": str(Path.cwd()),
            "umask": _umask(),
            "plan": None,
            "kill_after": None,
        }
        source = _source(os.getpid())
        assert source.stdin is not None
        assert source.stdout is not None
        source.stdin.write(json.dumps(job) + "\n")
        source.stdin.flush()
        ended: dict[str, Any] = json.loads(source.stdout.readline())
    finally:
        _turn.release()
    return ended["code"], ended["out"], ended["err"]


@cache
def _source(_: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-m", "tests.support.drive_forks"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
    )


def _umask() -> int:
    present = os.umask(0)
    os.umask(present)
    return present
