"""The main screens, drawn by the commands on a store with fixed names and times.

Golden texts and the README's pictures are made of them.
"""

from __future__ import annotations

import io
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import typer

from pincli import cli
from pincli.config import Config
from pincli.models import UserType
from pincli.operations import locks, people, pins
from pincli.operations.verify import verify
from pincli.store.sqlite import connection
from tests.support.desk import Desk, new_desk

NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
RIGHT, WRONG = "444159", "190562"
WORDY = "maria.magdalena.van-der-berg@subsidiary.example.org"

SCREENS = {
    "verified": "verify alice --ref T-4711 --pin-stdin",
    "incorrect": "verify carol --pin-stdin",
    "locked": "verify bob --pin-stdin",
    "no-pin-yet": "verify erin --pin-stdin",
    "found": "find example",
    "card": "status bob",
    "list": "status --account acme",
    "totals": "status",
    "reset-preview": "reset --account acme --dry-run",
    "reset-receipt": "reset alice bob --reason T-4712 --yes",
    "alerts": "alerts",
    "audit": "audit list --limit 12",
    "audit-of-one": "audit list --user bob --limit 8",
    "doctor": "doctor",
    "people": "user list",
    "person": "user show hikari",
}
"""The command of each screen."""

_PINS = {"verified": RIGHT, "incorrect": WRONG, "locked": RIGHT, "no-pin-yet": RIGHT}
_CLOCKED = ("pincli.operations.doctor.examination", "pincli.rules.times")


class Clock:
    """The clock that pincli sees."""

    def __init__(self) -> None:
        self.now = NOW - timedelta(days=20)

    def at(self, **ago: int) -> None:
        """Set it to some time before now."""
        self.now = NOW - timedelta(**ago)

    def strftime(self, form: str, _time: object) -> str:
        """What `time.strftime` gives."""
        self.now += timedelta(seconds=1)
        return self.now.strftime(form)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def clock() -> Iterator[Clock]:
    """Replace the clock of pincli in this process."""
    fixed = Clock()

    class Fixed(datetime):
        """A datetime with the time of the clock."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return fixed.now

    fake = SimpleNamespace(strftime=fixed.strftime, gmtime=lambda: None)
    with mock.patch.object(connection, "time", fake):
        patches = [mock.patch(f"{module}.datetime", Fixed) for module in _CLOCKED]
        for each in patches:
            each.start()
        try:
            with in_zone("UTC"):
                yield fixed
        finally:
            for each in patches:
                each.stop()


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """Set the time zone of this process."""
    try:
        with mock.patch.dict(os.environ, {"TZ": name}):
            time.tzset()
            yield
    finally:
        time.tzset()


def furnished(folder: Path, fixed: Clock) -> Desk:
    """A store with people of every kind and state, and a day of attacks behind it."""
    umask = os.umask(0o077)  # as pincli's own
    try:
        desk = new_desk(folder)
    finally:
        os.umask(umask)
    everybody = (
        ("alice", "acme", "Alice Example", UserType.CLOUD),
        ("bob", "acme", "Bob Example", UserType.FEDERATED),
        ("carol", "acme", "Carol Example", UserType.DEDICATED),
        ("dan", "globex", "Dan Example", UserType.CLOUD_OFFICE),
        ("erin", "globex", "", UserType.CLOUD),
        ("frank", "globex", "Frank \U0001f98a Example", UserType.CLOUD),
        ("hikari", "hikari-shoten", "\u4f50\u85e4 \u5149", UserType.CLOUD),
        (WORDY, "the-holding-company-of-it-all", "Mar\u00eda Magdalena van der Berg-Oosterhuis "
         "of the Department of Redundancy", UserType.CLOUD),
    )  # fmt: skip
    with desk.session(agent="anna") as session:
        for user, account, name, kind in everybody:
            people.add(session, user, account, name, kind)
            if kind is not UserType.CLOUD_OFFICE and user != "erin":
                pins.change(session, user, RIGHT)
    fixed.at(days=5)
    _miss(desk, "dave", "bob", 6)
    with desk.session(agent="portal") as session:
        locks.unlock(session, "bob", "by the customer in the portal")
    fixed.at(hours=18)
    with desk.session(agent="dave") as session:
        verify(session, "alice", RIGHT, "T-4690")
    for ago, agent, user, times in (
        (9, "dave", "hikari", 1),
        (6, "mona", "alice", 1),
        (5, "mona", "carol", 2),
        (2, "mona", "carol", 1),
        (1, "mona", "bob", 6),
    ):
        fixed.at(hours=ago)
        _miss(desk, agent, user, times)
    fixed.at(minutes=20)
    with desk.session(agent="anna") as session:
        people.set_active(session, "frank", active=False, reason="left the company")
        verify(session, WORDY, WRONG, "T-4700, opened by the customer's own support desk in Delft")
    fixed.at()
    return desk


def shown(desk: Desk, screen: str, *, columns: int | None) -> str:
    """What a command prints.

    Args:
        desk: The furnished store.
        screen: Which, by its name in SCREENS.
        columns: The terminal's width; None for a pipe.
    """
    pin = io.TextIOWrapper(io.BytesIO(f"{_PINS.get(screen, '')}\n".encode()))
    stream = io.StringIO() if columns is None else _Terminal()
    variables = {"COLUMNS": str(columns or 80), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    config = Config(desk.store, desk.keys, "dave")
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch("sys.stdin", pin),
        mock.patch("pincli.commands.store.DEPLOYMENT", desk.store / "no deployment"),
        redirect_stdout(stream),
        redirect_stderr(stream),
    ):
        for name in ("LC_ALL", "LC_CTYPE", "NO_COLOR"):
            os.environ.pop(name, None)
        typer.main.get_command(cli.app).main(
            shlex.split(SCREENS[screen]), standalone_mode=False, obj=config
        )
    return stream.getvalue()


def _miss(desk: Desk, agent: str, user: str, times: int) -> None:
    with desk.session(agent=agent) as session:
        for _ in range(times):
            verify(session, user, WRONG, None)
