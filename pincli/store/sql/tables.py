"""The tables that a store takes along when it moves to another engine: both have the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from pincli.models import Texts
from pincli.rules.words import words_of
from pincli.store.sql.rows import CALLED, OLD_EVENT, TRAIL_COLUMNS, USER_COLUMNS, Row, Rows

_PAGE = 2000


class Table(NamedTuple):
    """A table, by the columns that both engines have; its rows are numbered by the first."""

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
"""On a server. A folder has the same in a form of its own, and it is made again from people."""
TABLES = (
    PEOPLE,
    TRAIL,
    Table("texts", Texts._fields),
    Table("notices", ("number", "tried_at")),
)
"""Beside the row of the store itself, and the events of schema 1."""


def words_in(page: Sequence[Row]) -> list[Row]:
    """The rows of WORDS for some rows of PEOPLE."""
    called = itemgetter(*(PEOPLE.columns.index(column) for column in CALLED))
    return [(row[0], " ".join(words_of(*called(row)))) for row in page]


def pages(rows: Rows, table: Table) -> Iterator[list[Row]]:
    """All rows of a table, page by page, in the order of their numbers."""
    columns, number = ", ".join(table.columns), table.columns[0]
    query = f"SELECT {columns} FROM {table.name} WHERE {number} > ? ORDER BY {number} LIMIT ?"
    last = 0
    while page := rows(query, (last, _PAGE)):
        yield page
        last = page[-1][0]
