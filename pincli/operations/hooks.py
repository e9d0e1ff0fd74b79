"""Telling another program about a lock, once it is durable and the verdict is told."""

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
    event = {
        "event": "locked",
        "user": user.user,
        "account": user.account,
        "name": user.name,
        "locked_since": user.locked_since,
        "locks_total": user.locks_total,
        "by": user.last_attempt_by,
    }
    try:
        ran = subprocess.run(  # noqa: S603
            list(command),
            input=json.dumps(event).encode() + b"\n",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {TIME_LIMIT:.0f} seconds and was ended"
    except OSError as error:
        return error.strerror or "it can't be run"
    return f"it ended with {ran.returncode}" if ran.returncode else None
