"""Pincli under strace: what it asks the kernel for, and what if the kernel says no or kills it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.desk import PROGRAM, Desk, Ran
from tests.support.driving import LONG_ENOUGH, ROOT, fresh

# With a second thread about, a call may be cut in two: begun on one line, ended on another.
_LINE = re.compile(r"\d+ +(?P<name>\w+)\((?P<arguments>.*?)(?:\) += .*| <unfinished \.\.\.>)")


@dataclass(frozen=True)
class Call:
    """One system call that was traced."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Traced:
    """How a traced run ended, and the calls it made, in order."""

    ran: Ran
    calls: list[Call]


@cache
def _why_not() -> str:
    if shutil.which("strace") is None:
        return "there is no strace here"
    probe = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=none", "true")
    tried = subprocess.run(probe, capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"ptrace is not permitted here: {tried.stderr.strip()}"


def require_strace() -> None:
    """Skip the test where nothing can be traced."""
    if _why_not():
        pytest.skip(_why_not())


def traced(
    desk: Desk,
    *arguments: str,
    calls: str,
    stdin: str = "",
    inject: str = "",
    program: Sequence[str] = PROGRAM,
) -> Traced:
    """Run pincli under strace, to its end.

    Args:
        desk: The store it works on.
        arguments: Pincli's own.
        calls: The system calls to trace, with commas.
        stdin: What it reads.
        inject: A fault for strace to inject, such as `fdatasync:error=EIO:when=3`.
        program: How pincli is started.
    """
    path = fresh(desk, "strace")
    faults = ("-e", f"inject={inject}") if inject else ()
    # Other calls are not stopped at then, but no signal is sent either.
    quick = () if "signal=" in inject else ("--seccomp-bpf",)
    strace = ("strace", "-f", *quick, "-y", "-s", "400", "-o", str(path))
    strace = (*strace, "-e", f"trace={calls}", *faults)
    ended = subprocess.run(
        [*strace, *program, *arguments],
        input=stdin.encode(),
        capture_output=True,
        timeout=LONG_ENOUGH,
        env=desk.environment(),
        cwd=ROOT,
        check=False,
    )
    ran = Ran(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
    return Traced(ran, _parse(path))


def _parse(path: Path) -> list[Call]:
    found = (_LINE.fullmatch(line) for line in path.read_text(errors="replace").splitlines())
    return [Call(line["name"], line["arguments"]) for line in found if line]
