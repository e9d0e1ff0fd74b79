"""The stores for the lockout machine: one in a folder, one on a server.

On a server charge and settle are the database's functions, called by a desk's login.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid4

import psycopg

from pincli.models import User
from pincli.operations.session import Session
from pincli.store.steps.attempts import Charged
from tests.store.attempting import answer_of, charge, settled
from tests.store.chain import require_sound
from tests.support.desk import Desk, new_desk
from tests.support.served import ServedDesk

# Thousands of commits: what a disk makes of them is for the scenarios to find out.
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

Rows = list[tuple[Any, ...]]


class Open(Protocol):
    """An attempt that is charged.

    Attributes:
        version: Of the PIN that it is about.
    """

    @property
    def version(self) -> int: ...


class Place(Protocol):
    """One store, for one run of the machine.

    Attributes:
        desk: The store, with its keys.
    """

    desk: Desk

    def rows(self, query: str, *parameters: object) -> Rows:
        """Return what plain SQL finds, without pincli."""

    def charge(self, session: Session, user: User, answer: str) -> Open | None:
        """Charge an answer, if the state allows it."""

    def settle(self, session: Session, attempt: Any) -> tuple[str, str]:
        """Settle a charge: outcome and state."""

    def require_sound(self) -> None:
        """Check links, digests and seals independently."""


class InAFolder:
    """Place, on SQLite."""

    def __init__(self, desk: Desk, reader: sqlite3.Connection) -> None:
        self.desk = desk
        self._reader = reader

    def rows(self, query: str, *parameters: object) -> Rows:
        return self._reader.execute(query, parameters).fetchall()

    def charge(self, session: Session, user: User, answer: str) -> Charged | None:
        charged = charge(session, user, answer)
        return charged if isinstance(charged, Charged) else None

    def settle(self, session: Session, attempt: Charged) -> tuple[str, str]:
        verdict = settled(session, attempt)
        return verdict.outcome.value, verdict.state.value

    def require_sound(self) -> None:
        require_sound(self.desk)


class _Sent(NamedTuple):
    """A charge by the function."""

    nonce: UUID
    uid: bytes
    version: int


class OnAServer:
    """Place, on PostgreSQL."""

    def __init__(self, desk: Desk, reader: psycopg.Connection, agent: psycopg.Connection) -> None:
        self.desk = desk
        self._reader, self._agent = reader, agent

    def rows(self, query: str, *parameters: object) -> Rows:
        return _asked(self._reader, query, *parameters)

    def charge(self, session: Session, user: User, answer: str) -> _Sent | None:
        sent = _Sent(uuid4(), user.uid, user.pin_version)
        hashed = answer_of(session, user, answer)
        query = (
            "SELECT attempt FROM pincli.charge(?, ?, ?, ?, ?, 'mia', 'test', NULL, "
            "NULL, NULL, NULL)"
        )
        question = (sent.uid, sent.version, user.question, hashed, sent.nonce)
        ((attempt,),) = _asked(self._agent, query, *question)
        return None if attempt is None else sent

    def settle(self, session: Session, attempt: _Sent) -> tuple[str, str]:
        query = "SELECT outcome, state FROM pincli.settle(?, ?, 'mia', 'test')"
        ((outcome, state),) = _asked(self._agent, query, attempt.nonce, attempt.uid)
        return outcome, state

    def require_sound(self) -> None:
        """`audit verify` alone: what functions write has no seal."""


def _asked(connection: psycopg.Connection, query: str, *parameters: object) -> Rows:
    return connection.execute(query.replace("?", "%s").encode(), parameters).fetchall()


@contextmanager
def in_a_folder() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="pincli-", dir=IN_MEMORY) as folder:
        desk = new_desk(Path(folder))
        with closing(sqlite3.connect(desk.database, isolation_level=None)) as reader:
            yield InAFolder(desk, reader)


@contextmanager
def on_a_server(template: ServedDesk) -> Iterator[Place]:
    """A copy of an empty store on a server."""
    with tempfile.TemporaryDirectory(prefix="pincli-", dir=IN_MEMORY) as folder:
        desk = template.copied(Path(folder))
        there = desk.database_there
        with closing(there.connect()) as reader, closing(there.connect("desk1")) as agent:
            reader.execute("SET search_path = pincli")
            yield OnAServer(desk, reader, agent)
        there.drop()
