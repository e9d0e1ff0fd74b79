"""Rows of an import or a bulk change, in a private temporary database: memory stays flat.

SQLite makes its file without a name that others could open, and deletes it on closing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from pincli.models import UserType
from pincli.results import RowProblem
from pincli.store.sqlite.errors import translated

_CACHE_KIB = 24 * 1024
_BATCH = 2000
_PATH = Path("temporary file")
_DUPLICATES = """
INSERT INTO problems (line, field, words, value, row)
SELECT line, 'user', 'the same user as in line ' ||
    CASE nth WHEN 1 THEN another ELSE first END ||
    CASE WHEN length(user) >= 16 AND instr(user, '@') = 0 THEN
        ', as ids that differ by case alone are the same: map the UPN, not the NameID'
    ELSE '' END, user, number
FROM (
    SELECT user, line, number, row_number() OVER everybody AS nth,
        first_value(line) OVER everybody AS first, lead(line) OVER everybody AS another
    FROM (SELECT user, account, number, line FROM rows
        UNION ALL SELECT user, account, number, line FROM bad)
    WINDOW everybody AS (PARTITION BY user, account ORDER BY line, number)
)
WHERE nth > 1 OR another IS NOT NULL
"""
_TYPES = {kind.value: kind for kind in UserType}


class StagedRow(NamedTuple):
    """One checked row of an import.

    Attributes:
        user: Canonical.
        line: The line of the file where it begins, from 1.
        account: Canonical.
        name: The display name, cleaned.
        active: None if the file doesn't say.
        email: None if the file doesn't say; empty if the user has none.
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
    """A temporary database, which is gone at the end of its `with`."""

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

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with translated(_PATH):
            return self._connection.execute(query, parameters).fetchall()

    def _insert(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with translated(_PATH):
            self._connection.executemany(statement, rows)

    def _count(self, table: str) -> int:
        ((count,),) = self._rows(f"SELECT count(*) FROM {table}")
        return int(count)


class StagedUsers(_Temporary):
    """Many users by row number, each once, in storage order, with their uids."""

    schema = ("CREATE TABLE ids (id INTEGER PRIMARY KEY, uid BLOB)",)

    def add(self, users: Iterable[tuple[int, bytes]]) -> None:
        """Add users by row number and uid; one that is there already stays as it is."""
        self._insert("INSERT OR IGNORE INTO ids VALUES (?, ?)", users)

    def uids(self, rows: Sequence[int]) -> dict[int, bytes]:
        """The uids of these rows, by number."""
        return dict(self._rows(f"SELECT * FROM ids WHERE id IN ({_marks(rows)})", rows))

    def __len__(self) -> int:
        return self._count("ids")

    def after(self, row: int, limit: int) -> list[int]:
        """The next row numbers above one, at most `limit`."""
        found = self._rows("SELECT id FROM ids WHERE id > ? ORDER BY id LIMIT ?", (row, limit))
        return [number for (number,) in found]


class StagedImport(_Temporary):
    """The rows of an import and their problems, by user.

    Attributes:
        preamble: What a file of rejected rows begins with.
    """

    schema = (
        # By number, as several rows of a JSON array may be on one line.
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
        """Keep the text of a row, in case it is rejected."""
        try:
            content = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # some encodings can spell what is not text
            content = text.encode("utf-8", "replace")
        self._texts.append((number, content))
        if len(self._texts) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what has been added so far."""
        self._insert("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._pending)
        self._insert("INSERT INTO texts VALUES (?, ?)", self._texts)
        self._pending.clear()
        self._texts.clear()

    def add_bad(self, user: str, account: str, line: int, number: int) -> None:
        """Remember that a row which is not staged is about this user."""
        self._insert("INSERT INTO bad VALUES (?, ?, ?, ?)", [(user, account, line, number)])

    def add_move(self, user: str, account: str) -> None:
        """Remember that a row moves this user of that account to its own."""
        self._insert("INSERT OR IGNORE INTO moves VALUES (?, ?)", [(user, account)])

    def add_problem(self, problem: RowProblem, number: int) -> None:
        """Note a problem of the row with this number."""
        columns = "line, field, words, value, row"
        self._insert(
            f"INSERT INTO problems ({columns}) VALUES (?, ?, ?, ?, ?)", [(*problem, number)]
        )

    def note_duplicates(self) -> None:
        """Note every user that is in more than one row, at each of these rows."""
        self._rows(_DUPLICATES)

    def reject(self) -> int:
        """Drop the rows that have a problem; return how many rows of the file those are."""
        self._rows("DELETE FROM rows WHERE number IN (SELECT row FROM problems)")
        ((count,),) = self._rows("SELECT count(DISTINCT row) FROM problems")
        return int(count)

    def rejected(self) -> Iterator[bytes]:
        """The texts of those rows, in the order of the file."""
        query = (
            "SELECT number, text FROM texts WHERE number > ? "
            "AND number IN (SELECT row FROM problems) ORDER BY number LIMIT ?"
        )
        for _, text in self._pages(query, (0,), lambda row: row[:1]):
            yield text

    def names_account(self, account: str) -> bool:
        """Whether some row is of that account."""
        return bool(self._rows("SELECT 1 FROM rows WHERE account = ? LIMIT 1", (account,)))

    def __len__(self) -> int:
        return self._count("rows")

    @property
    def problem_count(self) -> int:
        """How many problems there are."""
        return self._count("problems")

    def problems(self) -> Iterator[RowProblem]:
        """The problems by line."""
        query = (
            "SELECT line, field, words, value, number FROM problems "
            "WHERE (line, number) > (?, ?) ORDER BY line, number LIMIT ?"
        )
        for row in self._pages(query, (0, 0), lambda row: (row[0], row[-1])):
            yield RowProblem(*row[:-1])

    def after(self, last: StagedRow | None, limit: int) -> list[StagedRow]:
        """The next rows by user and account after one (None: the first), at most `limit`."""
        above = ("", "") if last is None else (last.user, last.account)
        rows = self._rows(
            "SELECT user, line, account, name, type, active, email, number FROM rows "
            "WHERE (user, account) > (?, ?) ORDER BY user, account LIMIT ?",
            (*above, limit),
        )
        return [
            StagedRow(u, at, account, name, _TYPES[kind], _bool(active), email, number)
            for u, at, account, name, kind, active, email, number in rows
        ]

    def accounts_of(self, users: Iterable[str]) -> dict[str, set[str]]:
        """The accounts in which some row has each of these users."""
        accounts: dict[str, set[str]] = {user: set() for user in users}
        for user, account in self._named("rows", list(accounts)):
            accounts[user].add(account)
        return accounts

    def missing_from(self, account: str, users: Iterable[str]) -> set[str]:
        """Those of an account's users whom no staged row names, nor moves elsewhere."""
        names = list(users)
        found = self._named("rows", names) + self._named("moves", names)
        return set(names) - {user for user, there in found if there == account}

    def _named(self, table: str, users: Sequence[str]) -> list[tuple[str, str]]:
        query = f"SELECT user, account FROM {table} WHERE user IN ({_marks(users)})"
        return self._rows(query, users)

    def _pages(
        self, query: str, last: Sequence[Any], key: Callable[[Any], Sequence[Any]]
    ) -> Iterator[Any]:
        """The rows of a query, read page by page: `key` gives where the next page begins."""
        while page := self._rows(query, (*last, _BATCH)):
            yield from page
            last = key(page[-1])


def _bool(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
