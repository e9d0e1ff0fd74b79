"""Rows on their way, in a private temporary database: memory stays flat at a million.

SQLite makes it without a name that anybody could open, and deletes it when it is closed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from pincli.models import UserType
from pincli.results import RowProblem
from pincli.store.sqlite.errors import translated

_CACHE_KIB = 24 * 1024
_BATCH = 2000
_PATH = Path("temporary file")


_TYPES = {kind.value: kind for kind in UserType}


class StagedRow(NamedTuple):
    """One checked row of an import.

    Attributes:
        user: Canonical.
        line: Where it begins in the file, from 1.
        account: Canonical.
        name: The display name, cleaned.
        active: None where the file doesn't say.
        email: None where the file doesn't say; empty where they have none.
        number: Which row of the file it is.
    """

    user: str
    line: int
    account: str
    name: str
    type: UserType
    active: bool | None
    email: str | None = None
    number: int = 0


class _Temporary:
    """A temporary database, closed and gone at the end of its `with`."""

    schema: tuple[str, ...] = ()

    def __init__(self) -> None:
        with translated(_PATH):
            self._connection = sqlite3.connect("", isolation_level=None)
            for statement in (
                "PRAGMA journal_mode = OFF",
                "PRAGMA synchronous = OFF",
                f"PRAGMA cache_size = -{_CACHE_KIB}",
                *self.schema,
                "BEGIN",
            ):
                self._connection.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def _count(self, table: str) -> int:
        """How many rows a table has."""
        with translated(_PATH):
            ((count,),) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        return int(count)


class StagedUsers(_Temporary):
    """Many users by row number, each once, in storage order, and whose rows those were."""

    schema = ("CREATE TABLE ids (id INTEGER PRIMARY KEY, uid BLOB)",)

    def add(self, users: Iterable[tuple[int, bytes]]) -> None:
        """Add users by row number and uid; one that is there already stays once."""
        with translated(_PATH):
            self._connection.executemany("INSERT OR IGNORE INTO ids VALUES (?, ?)", users)

    def uids(self, rows: Sequence[int]) -> dict[int, bytes]:
        """Whose rows these were, by number."""
        marks = ", ".join("?" * len(rows))
        with translated(_PATH):
            found = self._connection.execute(f"SELECT * FROM ids WHERE id IN ({marks})", rows)
            return dict(found.fetchall())

    def __len__(self) -> int:
        return self._count("ids")

    def after(self, row: int, limit: int) -> list[int]:
        """The next row numbers above one, at most `limit`."""
        with translated(_PATH):
            return [
                found
                for (found,) in self._connection.execute(
                    "SELECT id FROM ids WHERE id > ? ORDER BY id LIMIT ?", (row, limit)
                ).fetchall()
            ]


class StagedImport(_Temporary):
    """The rows of an import and their problems, by user.

    Attributes:
        preamble: What a file of rejected rows begins with.
    """

    schema = (
        # By number, as several rows of a JSON array may stand in one line.
        "CREATE TABLE rows (user TEXT, line INTEGER, account TEXT, name TEXT, type TEXT, "
        "active INTEGER, email TEXT, number INTEGER, PRIMARY KEY (user, account, number)) "
        "WITHOUT ROWID",
        "CREATE TABLE bad (user TEXT, account TEXT, line INTEGER, number INTEGER)",
        "CREATE TABLE moves (user TEXT, account TEXT, PRIMARY KEY (user, account)) WITHOUT ROWID",
        "CREATE TABLE problems (line INTEGER, number INTEGER PRIMARY KEY, field TEXT, words TEXT, "
        "value TEXT, row INTEGER)",
        "CREATE TABLE texts (number INTEGER PRIMARY KEY, text TEXT)",
    )

    def __init__(self) -> None:
        super().__init__()
        self._pending: list[tuple[object, ...]] = []
        self._texts: list[tuple[int, bytes]] = []
        self.preamble = ""

    def add(self, row: StagedRow) -> None:
        """Stage a row."""
        self._pending.append((row.user, row.line, row.account, row.name, row.type.value, *row[5:]))
        if len(self._pending) >= _BATCH:
            self.flush()

    def keep(self, number: int, text: str) -> None:
        """Keep what the file has for a row, in case it is rejected."""
        try:
            content = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # some encodings can spell what is no text
            content = text.encode("utf-8", "replace")
        self._texts.append((number, content))
        if len(self._texts) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what has been added so far."""
        with translated(_PATH):
            self._connection.executemany(
                "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._pending
            )
            self._connection.executemany("INSERT INTO texts VALUES (?, ?)", self._texts)
        self._pending.clear()
        self._texts.clear()

    def add_bad(self, user: str, account: str, line: int, number: int) -> None:
        """Keep in mind that a row which is not staged is about this user."""
        with translated(_PATH):
            row = (user, account, line, number)
            self._connection.execute("INSERT INTO bad VALUES (?, ?, ?, ?)", row)

    def add_move(self, user: str, account: str) -> None:
        """Keep in mind that a row moves this user of that account to its own."""
        with translated(_PATH):
            self._connection.execute("INSERT OR IGNORE INTO moves VALUES (?, ?)", (user, account))

    def add_problem(self, problem: RowProblem, number: int) -> None:
        """Note what is wrong with a row, given with its number."""
        with translated(_PATH):
            self._connection.execute(
                "INSERT INTO problems (line, field, words, value, row) VALUES (?, ?, ?, ?, ?)",
                (*problem, number),
            )

    def note_duplicates(self) -> None:
        """Note every user that is in more than one row, at each of these rows."""
        with translated(_PATH):
            self._connection.execute(
                "INSERT INTO problems (line, field, words, value, row) "
                "SELECT line, 'user', 'the same user as in line ' || "
                "CASE nth WHEN 1 THEN another ELSE first END || "
                "CASE WHEN length(user) >= 16 AND instr(user, '@') = 0 THEN ', as ids that differ "
                "by case alone are the same: map the UPN, not the NameID' ELSE '' END, "
                "user, number FROM "
                "(SELECT user, line, number, row_number() OVER everybody AS nth, "
                "first_value(line) OVER everybody AS first, lead(line) OVER everybody AS another "
                "FROM (SELECT user, account, number, line FROM rows "
                "UNION ALL SELECT user, account, number, line FROM bad) "
                "WINDOW everybody AS (PARTITION BY user, account ORDER BY line, number)) "
                "WHERE nth > 1 OR another IS NOT NULL"
            )

    def reject(self) -> int:
        """Drop the rows that something is wrong with; how many of the file those are."""
        with translated(_PATH):
            self._connection.execute("DELETE FROM rows WHERE number IN (SELECT row FROM problems)")
            ((count,),) = self._connection.execute("SELECT count(DISTINCT row) FROM problems")
        return int(count)

    def rejected(self) -> Iterator[bytes]:
        """What the file has for each of those, in its order; read page by page."""
        last = 0
        while True:
            with translated(_PATH):
                page = self._connection.execute(
                    "SELECT number, text FROM texts WHERE number > ? "
                    "AND number IN (SELECT row FROM problems) ORDER BY number LIMIT ?",
                    (last, _BATCH),
                ).fetchall()
            if not page:
                return
            for last, text in page:  # noqa: B007
                yield text

    def names_account(self, account: str) -> bool:
        """Whether some row is of that account."""
        with translated(_PATH):
            rows = self._connection.execute(
                "SELECT 1 FROM rows WHERE account = ? LIMIT 1", (account,)
            ).fetchall()
        return bool(rows)

    def __len__(self) -> int:
        return self._count("rows")

    @property
    def problem_count(self) -> int:
        """How many problems there are."""
        return self._count("problems")

    def problems(self) -> Iterator[RowProblem]:
        """The problems by line, read page by page."""
        last = (0, 0)
        while True:
            with translated(_PATH):
                page = self._connection.execute(
                    "SELECT line, field, words, value, number FROM problems "
                    "WHERE (line, number) > (?, ?) ORDER BY line, number LIMIT ?",
                    (*last, _BATCH),
                ).fetchall()
            if not page:
                return
            for *problem, number in page:
                yield RowProblem(*problem)
                last = (problem[0], number)

    def after(self, last: StagedRow | None, limit: int) -> list[StagedRow]:
        """The next rows by user and account after one (None: the first), at most `limit`."""
        above = ("", "") if last is None else (last.user, last.account)
        with translated(_PATH):
            rows = self._connection.execute(
                "SELECT user, line, account, name, type, active, email, number FROM rows "
                "WHERE (user, account) > (?, ?) ORDER BY user, account LIMIT ?",
                (*above, limit),
            ).fetchall()
        return [
            StagedRow(u, line, account, name, _TYPES[kind], _as_bool(active), email, number)
            for u, line, account, name, kind, active, email, number in rows
        ]

    def accounts_of(self, users: Iterable[str]) -> dict[str, set[str]]:
        """The accounts in which some row has each of these users."""
        accounts: dict[str, set[str]] = {user: set() for user in users}
        for user, account in self._named("rows", list(accounts)):
            accounts[user].add(account)
        return accounts

    def missing_from(self, account: str, users: Iterable[str]) -> set[str]:
        """Those of an account's users that no staged row is about, nor moves elsewhere."""
        names = list(users)
        found = self._named("rows", names) + self._named("moves", names)
        return set(names) - {user for user, there in found if there == account}

    def _named(self, table: str, users: Sequence[str]) -> list[tuple[str, str]]:
        marks = ", ".join("?" * len(users))
        query = f"SELECT user, account FROM {table} WHERE user IN ({marks})"
        with translated(_PATH):
            return self._connection.execute(query, users).fetchall()


def _as_bool(value: int | None) -> bool | None:
    return None if value is None else bool(value)
