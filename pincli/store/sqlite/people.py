"""Users in a folder's store, and the full-text index of the words that find them.

No trigger keeps that index: with `trusted_schema` off, one that reaches FTS5 ends every write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pincli.store.sql.people import SqlPeople
from pincli.store.sql.rows import NAME_COLUMNS

if TYPE_CHECKING:
    from pincli.rules.words import Sought

_PAGE = 2000
_NAMED = f"SELECT id, {', '.join(NAME_COLUMNS)} FROM people"
_WITH_WORDS = "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?"


class SqlitePeople(SqlPeople):
    """contract.People in a folder."""

    def with_words(self, sought: Sequence[Sought], limit: int) -> list[int]:
        """The rows of users who have all of these words, at most `limit`."""
        words = (
            " OR ".join(f'"{spelling}"{"" if whole else "*"}' for spelling in spellings)
            for spellings, whole in sought
        )
        wanted = " AND ".join(f"({word})" for word in words)
        return [row for (row,) in self._rows(_WITH_WORDS, (wanted, limit))]


def write_words(connection: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
    """Index users: the row number of each, and the words with blanks between them."""
    connection.executemany("INSERT OR REPLACE INTO words (rowid, folded) VALUES (?, ?)", rows)


def index_people(
    connection: sqlite3.Connection, where: str = "TRUE", parameters: Sequence[object] = ()
) -> None:
    """Index users whose rows were written by SQL alone."""
    from pincli.rules.words import words_of

    named = connection.execute(f"{_NAMED} WHERE {where}", parameters)
    while page := named.fetchmany(_PAGE):
        write_words(connection, [(row, " ".join(words_of(*called))) for row, *called in page])
