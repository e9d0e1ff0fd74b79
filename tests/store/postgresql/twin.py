"""A store on PostgreSQL, and a transaction in memory for the steps to compare it with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg

from pincli.models import (
    EventKind,
    Head,
    Identity,
    NewEvent,
    Origin,
    PinOrigin,
    Texts,
    TrailEvent,
    User,
    UserType,
)
from pincli.rules.canonical import first_link
from pincli.store.changes import Changes, changes_of
from pincli.store.postgresql.roles import statements
from pincli.store.postgresql.tables import SCHEMA
from pincli.store.sql.rows import TRAIL, TRAIL_COLUMNS, USER, USER_COLUMNS, row_of, user_from
from tests.support.postgresql import Database

STORE_ID = "5e" * 16
FIRST = Head(0, first_link(STORE_ID))
AT = "2026-01-01T00:00:00Z"
RIGHT, WRONG = b"r" * 32, b"w" * 32
QUESTION = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA"
BY = Origin("mia", "verify")
TICKET = "T-1 Тикет ☎ '\"\\ %s ? $1 🔑"


def make_store(dsn: str) -> None:
    """Make a store without users."""
    with psycopg.connect(dsn) as connection:
        for statement in statements(old_events=True):
            connection.execute(statement.encode())
        row = (1, STORE_ID, AT, "v", "a", "p", 0, *FIRST, b"seal", SCHEMA, *FIRST)
        connection.execute(f"INSERT INTO pincli.store VALUES ({_marks(row)})".encode(), row)


def user_of(number: int, **fields: Any) -> User:
    """Return a user with a PIN and no attempts."""
    user = User(
        number, number.to_bytes(16, "big"), b"\xff" * 16, "acme", f"user{number}",
        "O'Brien \"\\ %s ? 🔑", None, UserType.CLOUD, True, AT,
        question=QUESTION, pin_check=hashlib.sha256(RIGHT).digest(), pin_proof=b"p" * 32,
        verify_key="v", sealed=b"\x00\x27\x5c\xff", portal_key="p", pin_set_at=AT,
        pin_set_by=PinOrigin.GENERATED, pin_version=3,
    )  # fmt: skip
    return user._replace(**fields)


WITHOUT_PIN: dict[str, Any] = dict.fromkeys(
    ("question", "pin_check", "pin_proof", "verify_key", "sealed", "portal_key", "pin_set_at")
) | {"pin_set_by": None}


class Call(NamedTuple):
    """A call of one of the functions, and its arguments."""

    name: str
    arguments: Sequence[Any]


def charge(
    user: User,
    answer: bytes | None = WRONG,
    nonce: UUID | None = None,
    *,
    by: Origin = BY,
    ticket: str | None = TICKET,
    seen: Sequence[Any] = (None, None, None),
) -> Call:
    """Return the call that charges an answer."""
    asked = (user.uid, user.pin_version, user.question, answer, nonce or uuid4())
    return Call("charge", (*asked, *by, ticket, *seen))


def settle(user: User, nonce: UUID, by: Origin = BY) -> Call:
    """Return the call that settles a charge."""
    return Call("settle", (nonce, user.uid, *by))


def record(
    user: User | None,
    *,
    name: str | None = None,
    kind: str | None = "refused",
    attempt: int | None = None,
    outcome: str | None = None,
    ticket: str | None = TICKET,
    seen: Sequence[Any] = (None, None, None),
) -> Call:
    """Return the call that records an event."""
    uid = user.uid if user else None
    return Call("record", (uid, name, kind, attempt, outcome, ticket, *BY, *seen))


def finish(user: User, seen: Sequence[Any] = (None, None, None)) -> Call:
    """Return the call that ends an attempt left open."""
    return Call("finish", (user.uid, *BY, *seen))


def lock(user: User, reason: str | None = "odd", seen: Sequence[Any] = (None, None, None)) -> Call:
    """Return the call that locks a user by hand."""
    return Call("lock", (user.uid, reason, *BY, *seen))


def calling(
    user: User,
    *,
    ends: bool = False,
    any_agents: bool = True,
    seen: Sequence[Any] = (None, None, None),
) -> Call:
    """Return the call that begins or ends a phone call."""
    ticket = None if ends else TICKET
    return Call("call", (user.uid, ticket, ends, any_agents, *BY, *seen))


def call(connection: psycopg.Connection, asked: Call) -> Any:
    """Call a function; it commits, unless the connection is in a transaction."""
    cursor = connection.cursor(row_factory=psycopg.rows.namedtuple_row)
    arguments = _marks(asked.arguments)
    query = f"SELECT * FROM pincli.{asked.name}({arguments})"
    return cursor.execute(query.encode(), asked.arguments).fetchone()


def call_all(connection: psycopg.Connection, calls: Iterable[Call]) -> list[Any]:
    """Call functions, each in its own transaction, in one pipeline."""
    cursors = []
    with connection.pipeline():
        for name, arguments in calls:
            connection.execute("BEGIN")
            cursor = connection.cursor(row_factory=psycopg.rows.namedtuple_row)
            query = f"SELECT * FROM pincli.{name}({_marks(arguments)})"
            cursors.append(cursor.execute(query.encode(), arguments))
            connection.execute("COMMIT")
    return [cursor.fetchone() for cursor in cursors]


class Memory:
    """contract.Transaction over one user in memory.

    Attributes:
        user: The record.
        head: The end of the trail.
        at: The time of all events.
        saved: The changes of each `save`.
    """

    identity = Identity(STORE_ID, "v", "a", "p")

    def __init__(self, user: User, head: Head, at: str = AT, origin: Origin = BY) -> None:
        self.user, self.head, self.at, self.origin = user, head, at, origin
        self.saved: list[Changes] = []

    def users(self, rows: Sequence[int], tampered: list[str] | None = None) -> list[User]:
        return [self.user]

    def named(self, logins: Sequence[str], tampered: list[str] | None = None) -> list[User]:
        return [self.user]

    def save(self, events: Sequence[NewEvent]) -> None:
        changes = self.changes(events)
        self.saved.append(changes)
        for user in changes.records:
            self.user = user
        for event in changes.events:
            self.head = Head(event.number, event.link)

    @property
    def events(self) -> list[TrailEvent]:
        """All the events that were saved."""
        return [event for changes in self.saved for event in changes.events]

    def changes(self, events: Sequence[NewEvent]) -> Changes:
        return changes_of(
            events,
            {self.user.uid: self.user},
            self.head,
            next_row=self.user.id,
            at=self.at,
            origin=self.origin,
            database_login="desk1",
        )

    def require_event(self, number: int, link: bytes) -> None:
        pass

    def ending_of(self, user: User, attempt: int) -> str:
        endings = (event.outcome for event in self.events if event.attempt == attempt)
        return str(next(endings))

    def name_key(self, kind: str, fingerprint: str) -> None:
        raise NotImplementedError


class Twin:
    """The database's side: users that a test makes up, and what becomes of them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.admin = database.connect()
        self.desk = database.connect("desk1")

    def head(self) -> Head:
        """The end of the trail."""
        (row,) = self.admin.execute("SELECT head_number, head_link FROM pincli.store")
        return Head(*row)

    def put(self, users: Iterable[User]) -> list[User]:
        """Add users, each with an event."""
        memory = Memory(user_of(0), self.head())
        changes = memory.changes([NewEvent(EventKind.IMPORTED, user) for user in users])
        with self.admin.pipeline(), self.admin.transaction(), self.admin.cursor() as cursor:
            marks = _marks(USER_COLUMNS)
            cursor.executemany(
                f"INSERT INTO pincli.people ({USER}) VALUES ({marks})".encode(),
                [row_of(user) for user in changes.records],
            )
            self._append(changes)
        return changes.records

    def write(self, saved: Iterable[Changes]) -> None:
        """Write the changes of steps, as an admin host does."""
        setting = ", ".join(f"{name} = %s" for name in USER_COLUMNS)
        query = f"UPDATE pincli.people SET {setting} WHERE id = %s"
        with self.admin.pipeline(), self.admin.transaction():
            for changes in saved:
                for user in changes.records:
                    self.admin.execute(query.encode(), (*row_of(user), user.id))
                if changes.events:
                    self._append(changes)

    def user(self, user: User) -> User:
        """Read a record."""
        return self.users([user])[0]

    def users(self, users: Iterable[User]) -> list[User]:
        """Read records."""
        rows = {
            row[0]: user_from(row)
            for row in self.admin.execute(f"SELECT {USER} FROM pincli.people".encode())
        }
        return [rows[user.id] for user in users]

    def events(self) -> list[TrailEvent]:
        """Read the whole trail."""
        query = f"SELECT {TRAIL} FROM pincli.trail ORDER BY number"
        return [TrailEvent(*row) for row in self.admin.execute(query.encode())]

    def texts(self) -> dict[int, Texts]:
        """Read the texts of all events, by number."""
        query = f"SELECT {', '.join(Texts._fields)} FROM pincli.texts"
        return {row[0]: Texts(*row) for row in self.admin.execute(query.encode())}

    def leave(self) -> None:
        """Close the connections."""
        self.admin.close()
        self.desk.close()

    def close(self) -> None:
        """Close the connections, and drop the database."""
        self.leave()
        self.database.drop()

    def _append(self, changes: Changes) -> None:
        with self.admin.cursor() as cursor:
            marks = _marks(TRAIL_COLUMNS)
            query = f"INSERT INTO pincli.trail ({TRAIL}) VALUES ({marks})"
            cursor.executemany(query.encode(), changes.events)
            if changes.texts:
                query = f"INSERT INTO pincli.texts VALUES ({_marks(Texts._fields)})"
                cursor.executemany(query.encode(), changes.texts)
        last = changes.events[-1]
        query = "UPDATE pincli.store SET head_number = %s, head_link = %s"
        self.admin.execute(query.encode(), (last.number, last.link))


def _marks(values: Sequence[object]) -> str:
    return ", ".join(["%s"] * len(values))
