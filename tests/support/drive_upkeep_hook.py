"""Run pincli once with an on_lock hook: python -m tests.support.drive_upkeep_hook PLAN ARGUMENTS...

The deployment's file is read under sudo only; here a configuration takes its place.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import typer

from pincli import cli
from pincli.config import Config
from pincli.operations import hooks
from pincli.rules.roles import Role
from pincli.vault.answers import Answers, HashCost

_CHEAP = HashCost(memory_kib=8, passes=1)


def drive() -> int:
    """Take the plan off the command line, and let pincli have the rest of it."""
    plan = json.loads(sys.argv.pop(1))
    _replace(hooks, "TIME_LIMIT", plan["time_limit"])
    if plan["at_the_hook"] == "quit":  # as by Ctrl-\\ when the verdict is out
        _replace(hooks, "start", lambda _: os.kill(os.getpid(), signal.SIGQUIT))
    if plan["at_the_hook"] == "no process":  # as by ulimit -u 2
        _replace(subprocess.Popen, "__init__", _no_process)
    _replace(Answers.__init__, "__defaults__", (_CHEAP,))
    config = Config(
        Path(os.environ["PINCLI_STORE"]),
        Path(os.environ["PINCLI_KEYS"]),
        "amy",
        frozenset(Role),
        tuple(plan["hook"]),
    )
    command = typer.main.get_command(cli.app)
    return int(command.main(sys.argv[1:], standalone_mode=False, obj=config))


def _no_process(*_: object, **__: object) -> None:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _replace(owner: object, name: str, by: object) -> None:
    setattr(owner, name, by)


if __name__ == "__main__":
    sys.exit(drive())
