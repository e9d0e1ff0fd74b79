"""The same desk over a database of the shared PostgreSQL server: hosts by their logins."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from pincli.models import Origin
from pincli.operations import setup
from pincli.store.location import Server
from pincli.store.postgresql.roles import statements
from tests.support.desk import Desk, Ran
from tests.support.forks import forked
from tests.support.postgresql import Database


@dataclass(frozen=True)
class ServedDesk(Desk):
    """One store on a server, and the keys of everybody.

    Attributes:
        database_there: Where it is. `store` is a folder that nothing makes.
        login: Whom the database knows its processes and sessions as.
    """

    database_there: Database = field(kw_only=True)
    login: str = field(default="admin1", kw_only=True)

    @property
    def database(self) -> Path:
        """No file."""
        raise AssertionError("this test is about a store in a folder")

    @property
    def is_served(self) -> bool:
        """It is."""
        return True

    @property
    def location(self) -> Server:
        """The store's address."""
        return Server(self.database_there.location(self.login))

    @property
    def front(self) -> ServedDesk:
        """As a desk's login, which may do nothing but verify."""
        return self.as_login("desk1")

    def as_login(self, login: str) -> ServedDesk:
        """The same store, as another host uses it."""
        return replace(self, login=login)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run SQL behind pincli's back, as the server's superuser."""
        there = replace(self.database_there, socket=self.database_there.server.folder)
        with there.connect() as connection:
            connection.execute("SET search_path = pincli")
            cursor = connection.execute(statement.replace("?", "%s").encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []

    def verify(self, user: str, pin: str, *options: str) -> Ran:
        """`pincli verify USER --pin-stdin --json`, as a process of a desk's host."""
        arguments = ("verify", user, "--pin-stdin", "--json", *options)
        ended = forked(arguments, f"{pin}\n".encode(), self.front.environment())
        return Ran(*ended) if ended else self.front.run(*arguments, stdin=f"{pin}\n")

    def copied(self, folder: Path) -> ServedDesk:
        """The same store and keys in another database and below another folder."""
        there = self.database_there.copy()
        copy = replace(
            self, store=folder / "store", keys=folder / "keys", database_there=there,
            pins=dict(self.pins),
        )  # fmt: skip
        shutil.copytree(self.keys, copy.keys)
        return copy


def make_schema(dsn: str) -> None:
    """What a DBA makes before anybody runs init."""
    with psycopg.connect(dsn) as connection:
        for statement in statements():
            connection.execute(statement.encode())


def served_desk(database: Database, folder: Path) -> ServedDesk:
    """A fresh store in a database that has the schema, with its keys below a folder."""
    desk = ServedDesk(folder / "store", folder / "keys", database_there=database)
    setup.initialise(desk.location, desk.keys, origin=Origin("tester", "init"))
    return desk
