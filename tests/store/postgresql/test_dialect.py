"""Translating the shared SQL for PostgreSQL."""

from __future__ import annotations

import pytest

from pincli.store.postgresql.dialect import array, kinds_of, translated_sql
from tests.support.postgresql import Database


@pytest.mark.parametrize(
    ("statement", "parameters", "text", "values"),
    [
        ("SELECT 1", (), "SELECT 1", ()),
        ("SELECT id FROM t NOT INDEXED WHERE a = ?", (1,), "SELECT id FROM t WHERE a = %s", (1,)),
        ("SELECT id FROM t INDEXED BY i WHERE a = ?", (1,), "SELECT id FROM t WHERE a = %s", (1,)),
        ("SELECT a IN (?)", (1,), "SELECT a IN (%s)", (1,)),
        ("SELECT a IN (?, ?)", (1, 2), "SELECT a = ANY(%s)", [[1, 2]]),
        (
            "SELECT ?, a IN (?, ?), ?, ?, b IN (?, ?, ?), ?",
            range(9),
            "SELECT %s, a = ANY(%s), %s, %s, b = ANY(%s), %s",
            [0, [1, 2], 3, 4, [5, 6, 7], 8],
        ),
        (
            "SELECT id FROM people WHERE login IN (?, ?) LIMIT ?",
            ("a", "b", 1),
            "SELECT id FROM people WHERE id = ANY(ARRAY(SELECT found.id FROM unnest(%s::text[]) AS "
            "wanted (login), LATERAL (SELECT id FROM people WHERE login = wanted.login OFFSET 0) "
            "AS found)) LIMIT %s",
            [["a", "b"], 1],
        ),
        ("SELECT (a, b) > (?, ?)", (1, 2), "SELECT (a, b) > (%s, %s)", (1, 2)),
    ],
)
def test_a_list_is_one_parameter(
    statement: str, parameters: object, text: str, values: object
) -> None:
    """Index hints go, and lists become one parameter."""
    assert translated_sql(statement, parameters) == (text.encode(), values)  # type: ignore[arg-type]


def test_arrays_keep_their_values(database: Database) -> None:
    """Quotes, braces, backslashes, NULL and its name survive."""
    columns = {
        "login": ["", "NULL", None, 'a"b', "a\\b", "{a,b}", " a ", "Ünï 🔑", "\n", "%s"],
        "uid": [b"", None, b"\\x", bytes(range(256))],
        "pin_version": [0, None, -1, 2**63 - 1],
    }
    kinds = kinds_of(tuple(columns))
    assert kinds == ("text", "bytea", "bigint")
    for values, kind in zip(columns.values(), kinds, strict=True):
        (row,) = database.sql(f"SELECT %s::{kind}[]", array(values, kind))  # type: ignore[arg-type]
        assert row == (values,)
