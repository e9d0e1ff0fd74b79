"""Several hosts over one database, each with its own login, all with the same keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pincli.models import Origin, User, UserType, Verdict
from pincli.operations import people, pins
from pincli.operations.session import Need, Session, open_session
from pincli.operations.setup import initialise
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.store.location import Server
from pincli.store.postgresql.engine import PostgresStore
from pincli.vault.answers import Answers
from tests.support.desk import CHEAP, EVERYTHING
from tests.support.postgresql import SUPERUSER, Database
from tests.support.served import ServedDesk, make_schema

__all__ = ["make_schema"]

PIN = "444159"
WRONG = "121212"
DESK = (Need.ATTEMPT, Need.COMPARE)
_CANCEL = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
    " WHERE usename = %s AND wait_event = 'SyncRep'"
)
_RESTORED = ("trail", "people", "store", "texts", "nonces")


@dataclass(frozen=True)
class Floor:
    """Hosts over one database.

    Attributes:
        database: The database, and how to reach it.
        keys: The folder of all hosts' keys and marks.
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
        """Open a session on a host; `also` is added to its location."""
        location = Server(self.database.location(login) + also)
        with open_session(
            location,
            self.keys,
            marks=marks,
            origin=Origin(agent, "test"),
            needs=frozenset(needs or EVERYTHING),
            answers=Answers(CHEAP),
            cache=self.database.kept(location.address),
        ) as session:
            yield session

    def at_the_desk(self, login: str = "desk1", **named: Any) -> Any:
        """Open a session that may only verify."""
        return self.session(login, *DESK, **named)

    def verify(self, pin: str = PIN, user: str = "alice", **named: Any) -> Verdict:
        """Verify an answer at a desk."""
        with self.at_the_desk(**named) as session:
            return verify(session, user, pin, None)

    def collected(self, user: str = "alice", pin: str = PIN) -> User:
        """Add a user with this PIN."""
        with self.session() as session:
            people.add(session, user, "acme", user.title(), UserType.CLOUD)
            pins.change(session, user, pin)
            return self.user(user)

    def user(self, login: str = "alice") -> User:
        """Return a user's whole record."""
        with self.session(SUPERUSER) as session:
            (user,) = session.store.people.find(login)
            return user

    def kinds(self, above: int = 0) -> list[str]:
        """Return the kinds of the events after a number."""
        rows = self.database.sql(
            "SELECT kind FROM pincli.trail WHERE number > %s ORDER BY number", above
        )
        return [kind for (kind,) in rows]

    def keep_copy(self) -> None:
        """Keep the tables as they are now."""
        for table in _RESTORED:
            self.database.sql(f"CREATE TABLE public.{table} AS TABLE pincli.{table}")

    def bring_back(self) -> None:
        """Put the kept tables back, as a DBA does with an old backup."""
        for table in _RESTORED:
            self.database.sql(f"DELETE FROM pincli.{table}")
            self.database.sql(f"INSERT INTO pincli.{table} TABLE public.{table}")

    @contextmanager
    def without_settle(self) -> Iterator[None]:
        """Make every settle fail, so that attempts stay open."""
        self.database.sql("ALTER FUNCTION pincli.settle RENAME TO settled")
        yield
        self.database.sql("ALTER FUNCTION pincli.settled RENAME TO settle")

    @contextmanager
    def cancelled_commits(self, login: str) -> Iterator[None]:
        """Let commits wait for a standby that is missing, and cancel the wait of a login's."""
        server, over = self.database.server, threading.Event()

        def cancel() -> None:
            while not over.wait(0.02):
                server.sql(_CANCEL, login)

        server.configure({"synchronous_standby_names": "nobody"})
        server.reload()
        time.sleep(0.2)
        canceller = threading.Thread(target=cancel)
        canceller.start()
        try:
            yield
        finally:
            over.set()
            canceller.join()
            server.configure({"synchronous_standby_names": "''"})
            server.reload()

    def require_sound(self) -> None:
        """Require every link, digest and counter to be what Python computes."""
        with self.session() as session:
            report = check_trail(session, None)
        assert report.finding is None, report

    def last(self) -> int:
        """Return the number of the newest event."""
        ((number,),) = self.database.sql("SELECT max(number) FROM pincli.trail")
        return int(number)

    def through(self, database: Database) -> Floor:
        """Return the floor with another way to the database."""
        return replace(self, database=database)


def new_floor(database: Database, folder: Path) -> Floor:
    """Make a store without users, and its keys."""
    floor = Floor(database, folder / "keys")
    initialise(Server(database.location()), floor.keys, origin=Origin("tester", "init"))
    return floor


@contextmanager
def floor_in(empty: ServedDesk, folder: Path) -> Iterator[Floor]:
    """Copy an empty store, with its keys; drop it afterwards."""
    copy = empty.copied(folder)
    yield Floor(copy.database_there, copy.keys)
    copy.database_there.drop()


def store_of(session: Session) -> PostgresStore:
    """Return the session's store with its own type."""
    assert isinstance(session.store, PostgresStore)
    return session.store
