"""A store with its keys, used in-process by cheap sessions or by the program as a process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pincli.models import Origin, User, UserType
from pincli.operations import people, pins, setup
from pincli.operations.session import Need, Session, open_session
from pincli.results import Event, EventFilter
from pincli.store.location import Location
from pincli.store.opening import ConnectionCache
from pincli.store.sqlite.engine import SqliteStore
from pincli.vault.answers import Answers, HashCost
from tests.support.forks import forked

CHEAP = HashCost(memory_kib=8, passes=1)
EVERYTHING = (Need.WRITE, Need.COMPARE, Need.SET_PIN, Need.SHOW_PIN)
PROGRAM = (sys.executable, "-m", "pincli")


@dataclass(frozen=True)
class Ran:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self
        answer: dict[str, Any] = json.loads(lines[0])
        return answer


@dataclass(frozen=True)
class Desk:
    """One store and its keys.

    Attributes:
        pins: The PINs that `collected` users got, by user.
    """

    store: Path
    keys: Path
    pins: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The database file."""
        return self.store / "pincli.db"

    @property
    def is_served(self) -> bool:
        """Whether the store is on a server."""
        return False

    @property
    def front(self) -> Desk:
        """The same store, as a host of the floor uses it, where agents are."""
        return self

    @property
    def location(self) -> Location:
        """Where the store is, as pincli is told."""
        return self.store

    @property
    def kept(self) -> ConnectionCache | None:
        """What keeps a server's connection from session to session."""
        return None

    @contextmanager
    def session(
        self,
        *needs: Need,
        agent: str = "tester",
        command: str = "test",
        cost: HashCost = CHEAP,
    ) -> Iterator[Session]:
        """A session for the operations, at a cheap hash cost unless told otherwise."""
        with open_session(
            self.location,
            self.keys,
            origin=Origin(agent, command),
            needs=frozenset(needs or EVERYTHING),
            answers=Answers(cost),
            cache=self.kept,
        ) as session:
            yield session

    def add(self, user: str, account: str = "acme", kind: UserType = UserType.CLOUD) -> User:
        """Add a user without a PIN."""
        with self.session() as session:
            return people.add(session, user, account, user.title(), kind)

    def collected(self, user: str, account: str = "acme", pin: str = "444159") -> str:
        """Add a user with this PIN, hashed cheaply; gives the PIN."""
        with self.session() as session:
            people.add(session, user, account, user.title(), UserType.CLOUD)
            pins.change(session, user, pin, account=account)
        self.pins[user] = pin
        return pin

    def user(self, name: str) -> User:
        """The user's record as it stands on disk."""
        with self.session(Need.WRITE) as session:
            (user,) = session.store.people.find(name)
            return user

    def events(self, user: str | None = None) -> list[Event]:
        """All events, the oldest first."""
        with self.session(Need.WRITE) as session:
            pages = session.store.trail.newest_first(EventFilter(user=user), limit=1_000_000)
            return [event for page in pages for event in page][::-1]

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run SQL behind pincli's back, as an attacker with the file could."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            return connection.execute(statement, parameters).fetchall()

    def environment(self, **extra: str) -> dict[str, str]:
        """An environment that points pincli here, and holds nothing that changes its output."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PINCLI_", "LC_", "XDG_"))}
        for name in ("NO_COLOR", "SUDO_UID", "TERM", "LANG", "COLUMNS", "FORCE_COLOR"):
            kept.pop(name, None)
        return {
            **kept,
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PINCLI_STORE": str(self.location),
            "PINCLI_KEYS": str(self.keys),
            **extra,
        }

    def run(self, *arguments: str, stdin: str | bytes = "", timeout: float = 60, **env: str) -> Ran:
        """Run pincli as a process, to its end.

        Without variables of its own it is forked from one that has the imports done.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        if not env:
            ended = forked(arguments, data, self.environment())
            if ended is not None:
                return Ran(*ended)
        with self.start(*arguments, **env) as process:
            out, err = process.communicate(data, timeout)
        return Ran(process.returncode, out.decode(), err.decode())

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[bytes]:
        """Start pincli as a process, all three streams piped."""
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(**env),
        )

    def verify(self, user: str, pin: str, *options: str) -> Ran:
        """`pincli verify USER --pin-stdin --json`, as a process."""
        return self.run("verify", user, "--pin-stdin", "--json", *options, stdin=f"{pin}\n")


@contextmanager
def private_files() -> Iterator[None]:
    """Make new files private, as the program does."""
    umask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(umask)


def new_desk(folder: Path) -> Desk:
    """A fresh store and keys below a folder."""
    desk = Desk(folder / "store", folder / "keys")
    setup.initialise(desk.store, desk.keys, origin=Origin("tester", "init"))
    return desk


def connection_of(session: Session) -> sqlite3.Connection:
    """What an open session asks its database by, to watch it."""
    assert isinstance(session.store, SqliteStore)
    return session.store._connection


def killed(code: int) -> bool:
    """Whether a return code says SIGKILL."""
    return code == -signal.SIGKILL
