"""Users put into the tables directly: any combination of facts, whatever led to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from itertools import islice
from typing import Any, NamedTuple

from pincli.models import State, User, UserType
from pincli.rules.states import state_from
from pincli.store.sql.people import SqlPeople
from pincli.store.sql.rows import Rows
from pincli.store.sqlite.schema import migrate

_INSERT = """
    INSERT INTO users (user, account, name, type, active, added_at, verifier, verify_key, sealed,
        portal_key, pin_set_at, pin_set_by, failed_attempts, locked_since)
    VALUES (:user, :account, '', :type, :active, 't', :pin, :pin, CAST(:pin AS BLOB), :pin, :pin,
        iif(:pin IS NULL, NULL, 'customer'), :failed_attempts, :locked_since)
"""


class Person(NamedTuple):
    """A user as a test makes one up."""

    user: str
    account: str = "acme"
    kind: UserType = UserType.CLOUD
    active: bool = True
    has_pin: bool = True
    failed_attempts: int = 0
    locked_since: str | None = None

    @property
    def state(self) -> State:
        """The state that the rules give these facts."""
        return state_from(
            active=self.active,
            user_type=self.kind,
            failed_attempts=self.failed_attempts,
            has_pin=self.has_pin,
        )


@contextmanager
def populated(people: Iterable[Person]) -> Iterator[sqlite3.Connection]:
    """A database in memory with our tables, and these people in it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        migrate(connection)
        put(connection, people)
        connection.execute("COMMIT")
        yield connection


def put(connection: sqlite3.Connection, people: Iterable[Person]) -> None:
    """Insert these people."""
    connection.executemany(
        _INSERT,
        [
            {
                "user": person.user,
                "account": person.account,
                "type": person.kind.value,
                "active": int(person.active),
                "pin": "x" if person.has_pin else None,
                "failed_attempts": person.failed_attempts,
                "locked_since": person.locked_since,
            }
            for person in people
        ],
    )


def rows_of(connection: sqlite3.Connection) -> Rows:
    """How questions are asked of a connection, without an engine."""

    def rows(
        query: str,
        parameters: Sequence[Any] = (),
        make: Callable[[Sequence[Any]], Any] = lambda row: row,
    ) -> list[Any]:
        return [make(row) for row in connection.execute(query, parameters).fetchall()]

    return rows


def people_of(connection: sqlite3.Connection) -> SqlPeople:
    """The questions about users, asked of a connection that nobody else writes to."""
    return SqlPeople(rows_of(connection), nullcontext)


def listed(
    connection: sqlite3.Connection,
    *,
    account: str | None = None,
    state: State | None = None,
    user_type: UserType | None = None,
) -> list[list[User]]:
    """The pages of a list; far more than there can be, if it never ends."""
    pages = people_of(connection).pages(account=account, state=state, user_type=user_type)
    return list(islice(pages, 2000))
