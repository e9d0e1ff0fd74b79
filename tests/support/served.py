"""A desk with its store on the shared PostgreSQL server; each host has its own login."""

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
from tests.support.kept import KeptConnections
from tests.support.postgresql import Database


@dataclass(frozen=True)
class ServedDesk(Desk):
    """A store on a server, and all hosts' keys.

    Attributes:
        database_there: The database. `store` is a folder that is never made.
        login: The database login of its processes and sessions.
    """

    database_there: Database = field(kw_only=True)
    login: str = field(default="admin1", kw_only=True)

    @property
    def database(self) -> Path:
        """Fail: there is no file."""
        raise AssertionError("this test is about a store in a folder")

    @property
    def is_served(self) -> bool:
        """Whether the store is on a server: True."""
        return True

    @property
    def location(self) -> Server:
        """The store's location."""
        return Server(self.database_there.location(self.login))

    @property
    def kept(self) -> KeptConnections:
        """What keeps this login's connections."""
        return self.database_there.kept(self.location.address)

    @property
    def front(self) -> ServedDesk:
        """The store as a desk's host uses it."""
        return self.as_login("desk1")

    def as_login(self, login: str) -> ServedDesk:
        """Return the store as another host uses it."""
        return replace(self, login=login)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run SQL as the server's superuser, without pincli."""
        there = replace(self.database_there, socket=self.database_there.server.folder)
        with there.connect() as connection:
            connection.execute("SET search_path = pincli")
            cursor = connection.execute(statement.replace("?", "%s").encode(), parameters or None)
            return cursor.fetchall() if cursor.description is not None else []

    def verify(self, user: str, pin: str, *options: str) -> Ran:
        """Run `pincli verify USER --pin-stdin --json` on a desk's host."""
        arguments = ("verify", user, "--pin-stdin", "--json", *options)
        ended = forked(arguments, f"{pin}\n".encode(), self.front.environment())
        return Ran(*ended) if ended else self.front.run(*arguments, stdin=f"{pin}\n")

    def copied(self, folder: Path) -> ServedDesk:
        """Copy store and keys into another database and folder."""
        there = self.database_there.copy()
        copy = replace(
            self, store=folder / "store", keys=folder / "keys", database_there=there,
            pins=dict(self.pins),
        )  # fmt: skip
        shutil.copytree(self.keys, copy.keys)
        return copy


def make_schema(dsn: str) -> None:
    """Make what a DBA makes before `pincli init`."""
    with psycopg.connect(dsn) as connection:
        for statement in statements():
            connection.execute(statement.encode())


def served_desk(database: Database, folder: Path) -> ServedDesk:
    """Make a store in a database with the schema, and its keys in a folder."""
    desk = ServedDesk(folder / "store", folder / "keys", database_there=database)
    setup.initialise(desk.location, desk.keys, origin=Origin("tester", "init"))
    return desk
