"""A support floor over one database: hosts by their logins, with the same keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from pincli.models import Origin, User, UserType, Verdict
from pincli.operations import people, pins
from pincli.operations.session import Need, Session, open_session
from pincli.operations.setup import initialise
from pincli.operations.verify import verify
from pincli.store.location import Server
from pincli.store.postgresql.engine import PostgresStore
from pincli.store.postgresql.roles import statements
from pincli.vault.answers import Answers
from tests.support.desk import CHEAP, EVERYTHING
from tests.support.postgresql import SUPERUSER, Database

PIN = "444159"
WRONG = "121212"
DESK = (Need.ATTEMPT, Need.COMPARE)


def make_schema(dsn: str) -> None:
    """What a DBA makes before anybody runs init."""
    with psycopg.connect(dsn) as connection:
        for statement in statements():
            connection.execute(statement.encode())


@dataclass(frozen=True)
class Floor:
    """Hosts over one database.

    Attributes:
        database: The database, and the way there.
        keys: Everybody's keys; the marks lie with them.
    """

    database: Database
    keys: Path

    @contextmanager
    def session(
        self,
        login: str = "admin1",
        *needs: Need,
        agent: str = "mia",
        marks: Path | None = None,
        also: str = "",
    ) -> Iterator[Session]:
        """A session of a host; its location may say something else `also`."""
        with open_session(
            Server(self.database.location(login) + also),
            self.keys,
            marks=marks,
            origin=Origin(agent, "test"),
            needs=frozenset(needs or EVERYTHING),
            answers=Answers(CHEAP),
        ) as session:
            yield session

    def at_the_desk(self, login: str = "desk1", **named: Any) -> Any:
        """A session that may verify, and no more."""
        return self.session(login, *DESK, **named)

    def verify(self, pin: str = PIN, user: str = "alice", **named: Any) -> Verdict:
        """What a desk says to an answer."""
        with self.at_the_desk(**named) as session:
            return verify(session, user, pin, None)

    def collected(self, user: str = "alice", pin: str = PIN) -> User:
        """Add a user with this PIN."""
        with self.session() as session:
            people.add(session, user, "acme", user.title(), UserType.CLOUD)
            pins.change(session, user, pin)
            return self.user(user)

    def user(self, login: str = "alice") -> User:
        """The whole record of a user."""
        with self.session(SUPERUSER) as session:
            (user,) = session.store.people.find(login)
            return user

    def kinds(self, above: int = 0) -> list[str]:
        """The kinds of events above a number."""
        rows = self.database.sql(
            "SELECT kind FROM pincli.trail WHERE number > %s ORDER BY number", above
        )
        return [kind for (kind,) in rows]

    def last(self) -> int:
        """The number of the newest event."""
        ((number,),) = self.database.sql("SELECT max(number) FROM pincli.trail")
        return int(number)

    def through(self, database: Database) -> Floor:
        """The same, with another way to the database."""
        return replace(self, database=database)


def new_floor(database: Database, folder: Path) -> Floor:
    """A floor with its store and keys, and nobody in it."""
    floor = Floor(database, folder / "keys")
    initialise(Server(database.location()), floor.keys, origin=Origin("tester", "init"))
    return floor


def store_of(session: Session) -> PostgresStore:
    """The session's store, as what it is."""
    assert isinstance(session.store, PostgresStore)
    return session.store
