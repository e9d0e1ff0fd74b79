"""Telling another program about a lock, once it is durable and the verdict is out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from pincli.models import User

TIME_LIMIT = 10.0
"""Seconds that a hook may take."""
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def on_lock(command: Sequence[str], user: User) -> str | None:
    """Run a program with the lock as one JSON object on its standard input.

    No shell, no inherited environment, and nothing that it does changes anything here.

    Args:
        command: The program and its arguments, from the deployment's file.
        user: The record as it was locked.

    Returns:
        What went wrong, in words; None if nothing did.
    """
    started = start(command)
    return started if isinstance(started, str) else finish(started, user)


def start(command: Sequence[str]) -> subprocess.Popen[bytes] | str:
    """Start the program of `on_lock`, which then waits for the event; or what went wrong."""
    try:
        return subprocess.Popen(  # noqa: S603
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL, which no argument can hold
        return getattr(error, "strerror", None) or "it can't be run"


def finish(started: subprocess.Popen[bytes], user: User) -> str | None:
    """Tell a started program of the lock, and wait for its end; what went wrong, if anything."""
    event = {
        "event": "locked",
        "user": user.login,
        "account": user.account,
        "name": user.display_name,
        "locked_since": user.locked_since,
        "locks_total": user.locks_total,
        "by": user.last_attempt_by,
    }
    with started:
        try:
            started.communicate(json.dumps(event).encode() + b"\n", timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            started.kill()
            return f"it took longer than {TIME_LIMIT:.0f} seconds and was ended"
        except BaseException:
            started.kill()
            raise
    return f"it ended with {started.returncode}" if started.returncode else None
