"""Users put directly into the tables, with any combination of facts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from itertools import islice
from typing import Any, NamedTuple

from pincli.models import State, User, UserType
from pincli.rules.lockout import state_from
from pincli.store.sql.people import SqlPeople
from pincli.store.sql.rows import Rows
from pincli.store.sqlite.tables import SCHEMA_2

_PEOPLE = """
    INSERT INTO people (uid, account, login, display_name, type, active, added_at, question,
        pin_check, pin_proof, verify_key, sealed, portal_key, pin_set_at, pin_set_by, pin_version,
        failed_attempts, locked_since, locks_total, attempts_total, attempt, attempt_answer,
        attempt_at, event, seal)
    VALUES (randomblob(16), :account, :user, '', :type, :active, 't', :pin, CAST(:pin AS BLOB),
        CAST(:pin AS BLOB), :pin, CAST(:pin AS BLOB), :pin, :pin,
        iif(:pin IS NULL, NULL, 'customer'), 1, :failed_attempts, :locked_since, 0, 0,
        :attempt, CAST(:attempt AS BLOB), :attempt_at, 0, CAST('seal' AS BLOB))
"""
STORE_ID = "00" * 16
_STORE = (
    "INSERT INTO store (id, store_id, created_at, verify_key, audit_key, portal_key, start_link, "
    "start_seal) VALUES (1, ?, 't', 'verify', 'audit', 'portal', zeroblob(32), "
    "CAST('seal' AS BLOB))"
)
_EVENT = (
    "INSERT INTO trail (number, at, agent, command, kind, uid, account, outcome, link) "
    "VALUES (?, ?, ?, 'test', ?, ?, ?, ?, zeroblob(32))"
)


class Person(NamedTuple):
    """A made-up user."""

    user: str
    account: str = "acme"
    kind: UserType = UserType.CLOUD
    active: bool = True
    has_pin: bool = True
    failed_attempts: int = 0
    lock: str = "2026-01-01T00:00:00Z"
    attempt_at: str | None = None

    @property
    def locked_since(self) -> str | None:
        """When the sixth miss was recorded; an open attempt is none yet."""
        return self.lock if self.failed_attempts == 6 and self.attempt_at is None else None

    @property
    def state(self) -> State:
        """The state by the rules."""
        return state_from(
            active=self.active,
            user_type=self.kind,
            locked=self.locked_since is not None,
            has_pin=self.has_pin,
        )


class PastEvent(NamedTuple):
    """A made-up event, without real links and seals."""

    kind: str
    user: str | None = "alice"
    at: str = "2026-11-24T12:00:00Z"
    agent: str = "amy"
    account: str | None = "acme"
    outcome: str | None = None


def put_events(connection: sqlite3.Connection, events: Iterable[PastEvent], after: int = 0) -> None:
    """Add events above a number; an unknown name is stored as typed."""
    uids = dict(connection.execute("SELECT login, uid FROM people").fetchall())
    ((last,),) = connection.execute(
        "SELECT coalesce(max(number), ?) FROM trail", (after,)
    ).fetchall()
    for number, event in enumerate(events, start=(last or after) + 1):
        uid = uids.get(event.user)
        row = (number, event.at, event.agent, event.kind, uid, event.account, event.outcome)
        connection.execute(_EVENT, row)
        if uid is None and event.user is not None:
            connection.execute(
                "INSERT INTO texts (number, blind, name) VALUES (?, zeroblob(16), ?)",
                (number, event.user),
            )


@contextmanager
def populated(people: Iterable[Person] = ()) -> Iterator[sqlite3.Connection]:
    """A database in memory with our tables and these people."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for statement in SCHEMA_2:
            connection.execute(statement)
        connection.execute(_STORE, (STORE_ID,))
        put(connection, people)
        connection.execute("COMMIT")
        yield connection


def put(connection: sqlite3.Connection, people: Iterable[Person]) -> None:
    """Insert these people."""
    connection.executemany(
        _PEOPLE,
        [
            {
                "user": person.user,
                "account": person.account,
                "type": person.kind.value,
                "active": int(person.active),
                "pin": "x" if person.has_pin else None,
                "failed_attempts": person.failed_attempts,
                "locked_since": person.locked_since,
                "attempt": 1 if person.attempt_at else None,
                "attempt_at": person.attempt_at,
            }
            for person in people
        ],
    )


def rows_of(connection: sqlite3.Connection) -> Rows:
    """Run queries on a connection, without an engine."""

    def rows(
        query: str,
        parameters: Sequence[Any] = (),
        make: Callable[[Sequence[Any]], Any] = lambda row: row,
    ) -> list[Any]:
        return [make(row) for row in connection.execute(query, parameters).fetchall()]

    return rows


def people_of(connection: sqlite3.Connection) -> SqlPeople:
    """The queries about users, on a connection that nobody else writes to."""
    return SqlPeople(rows_of(connection), nullcontext)


def listed(
    connection: sqlite3.Connection,
    *,
    account: str | None = None,
    state: State | None = None,
    user_type: UserType | None = None,
) -> list[list[User]]:
    """The pages of a list; fail if it never ends."""
    pages = people_of(connection).pages(account=account, state=state, user_type=user_type)
    return list(islice(pages, 2000))
