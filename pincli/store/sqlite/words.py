"""The index of words that people are found by: SQLite's full-text search, beside the users.

No trigger keeps it, as one that reaches FTS5 ends every write where the schema is not trusted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from pincli.rules.words import Sought, words_of
from pincli.store.sql.rows import CALLED

_PAGE = 2000
_NAMED = f"SELECT id, {', '.join(CALLED)} FROM people"


def write_words(connection: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
    """Write what some users are found by: the number of each, and the words with blanks."""
    connection.executemany("INSERT OR REPLACE INTO words (rowid, folded) VALUES (?, ?)", rows)


def index_people(
    connection: sqlite3.Connection, where: str = "TRUE", parameters: Sequence[object] = ()
) -> None:
    """Write the words of users whose rows came by SQL alone."""
    named = connection.execute(f"{_NAMED} WHERE {where}", parameters)
    while page := named.fetchmany(_PAGE):
        write_words(connection, [(row, " ".join(words_of(*called))) for row, *called in page])


def expression(sought: Iterable[Sought]) -> str:
    """What FTS5 is asked for: all of the words, each in one of its spellings."""
    words = (
        " OR ".join(f'"{spelling}"{"" if whole else "*"}' for spelling in spellings)
        for spellings, whole in sought
    )
    return " AND ".join(f"({word})" for word in words)
