"""The tables that a move copies from one engine to the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from pincli.models import Texts
from pincli.rules.words import words_of
from pincli.store.sql.rows import NAME_COLUMNS, OLD_EVENT, TRAIL_COLUMNS, USER_COLUMNS, Row, Rows

_PAGE = 2000


class Table(NamedTuple):
    """A table with the columns that both engines have; the first one numbers the rows."""

    name: str
    columns: tuple[str, ...]


_STORE = (
    *("id", "store_id", "created_at", "verify_key", "audit_key", "portal_key"),
    *("epoch", "start_number", "start_link", "start_seal"),
)
STORE = Table("store", _STORE)
PEOPLE = Table("people", (*USER_COLUMNS, "seal"))
TRAIL = Table("trail", TRAIL_COLUMNS)
OLD_EVENTS = Table("old_events", tuple(OLD_EVENT.split(", ")))
WORDS = Table("words", ("id", "folded"))
"""On a server only. A folder has its own index; both are made from people."""
TABLES = (
    PEOPLE,
    TRAIL,
    Table("texts", Texts._fields),
    Table("notices", ("number", "tried_at")),
)
"""All tables but the store's own row and the events of schema 1."""


def words_in(page: Sequence[Row]) -> list[Row]:
    """Return the rows of WORDS for some rows of PEOPLE."""
    names = itemgetter(*(PEOPLE.columns.index(column) for column in NAME_COLUMNS))
    return [(row[0], " ".join(words_of(*names(row)))) for row in page]


def pages(rows: Rows, table: Table) -> Iterator[list[Row]]:
    """Yield all rows of a table, page by page, by number."""
    columns, number = ", ".join(table.columns), table.columns[0]
    query = f"SELECT {columns} FROM {table.name} WHERE {number} > ? ORDER BY {number} LIMIT ?"
    last = 0
    while page := rows(query, (last, _PAGE)):
        yield page
        last = page[-1][0]
