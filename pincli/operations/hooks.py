"""Notices of locks for another program, after the verdict is printed.

Each notice waits in the store until the program has taken it. If this run is killed first, the
next run delivers it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from pincli.operations.session import Session
from pincli.results import Notice
from pincli.rules.times import NOTICE_RETRY_SECONDS

TIME_LIMIT = 10.0
"""Seconds that a hook may take."""
_RUN_LIMIT = NOTICE_RETRY_SECONDS - 2 * TIME_LIMIT
"""Seconds after which a run leaves the rest to the next one."""
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def tell_of_locks(session: Session, command: Sequence[str]) -> Iterator[str]:
    """Run a program for every notice that waits, the oldest first, until it fails.

    No lock on the store is held while the program runs.

    Yields:
        What went wrong, in words.
    """
    began = time.monotonic()
    while time.monotonic() - began < _RUN_LIMIT:
        notice = session.attempts.next_notice()
        if notice is None:
            return
        failure: str | None = "it was interrupted"
        try:
            failure = on_lock(command, notice)
        finally:
            session.attempts.delivered(notice.number, failure)
        if failure is not None:
            yield failure
            return


def on_lock(command: Sequence[str], notice: Notice) -> str | None:
    """Run a program with the notice as one JSON object on its standard input.

    It gets no shell and no inherited environment. Return what went wrong, in words, if anything.
    """
    started = start(command)
    return started if isinstance(started, str) else finish(started, notice)


def start(command: Sequence[str]) -> subprocess.Popen[bytes] | str:
    """Start the program of `on_lock`, which then waits for the notice; or what went wrong."""
    try:
        return subprocess.Popen(  # noqa: S603
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            # Signals from the caller's terminal, such as Ctrl-C, don't reach it.
            process_group=0,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL, which no argument can hold
        return getattr(error, "strerror", None) or "it can't be run"


def finish(started: subprocess.Popen[bytes], notice: Notice) -> str | None:
    """Give a started program the notice and wait for it; return what went wrong, if anything.

    The programs that it has started itself end with it.
    """
    event = {
        "event": "locked",
        "user": notice.login,
        "account": notice.account,
        "name": notice.display_name,
        "locked_since": notice.at,
        "locks_total": notice.locks_total,
        "by": notice.agent,
        "kind": notice.kind,
        "number": notice.number,
    }
    try:
        started.communicate(json.dumps(event).encode() + b"\n", timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        return f"it took longer than {TIME_LIMIT:.0f} seconds and was ended"
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    return f"it ended with {started.returncode}" if started.returncode else None
