"""Translating the shared SQL for PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

from pincli.models import Texts, TrailEvent, User

_OF_SQLITE = re.compile(r" (NOT INDEXED|INDEXED BY \w+)")
# A list becomes one parameter, or each length would be another statement.
_LIST = re.compile(r" IN \(\?(?:, \?)+\)")
# Without statistics, as during an import into a new store, the planner takes each of thousands of
# logins for a two-hundredth of the table, and reads all of it. So the index is asked for each one.
_BY_LOGINS = " WHERE login = ANY(?)"
_EACH_BY_INDEX = (
    " WHERE id = ANY(ARRAY(SELECT found.id FROM unnest(?::text[]) AS wanted (login), "
    "LATERAL (SELECT id FROM people WHERE login = wanted.login OFFSET 0) AS found))"
)
_KINDS = {bytes: "bytea", int: "bigint", str: "text"}


def translated_sql(statement: str, parameters: Sequence[Any]) -> tuple[bytes, Sequence[Any]]:
    """Return a statement with `?` marks, and its parameters, as psycopg takes them."""
    text, lengths = _translated(statement)
    if not lengths:
        return text, parameters
    rest = list(parameters)
    grouped: list[Any] = []
    for length in lengths:
        taken, rest = rest[: abs(length)], rest[abs(length) :]
        grouped += taken if length < 0 else [taken]
    return text, [*grouped, *rest]


@lru_cache(256)
def _translated(statement: str) -> tuple[bytes, tuple[int, ...]]:
    """Return the text, and how to group its parameters: -n are separate, n are a list."""
    lengths: list[int] = []
    end = 0
    for found in _LIST.finditer(statement):
        if before := statement.count("?", end, found.start()):
            lengths.append(-before)
        lengths.append(found[0].count("?"))
        end = found.end()
    text = _LIST.sub(" = ANY(?)", _OF_SQLITE.sub("", statement)).replace("%", "%%")
    text = text.replace(_BY_LOGINS, _EACH_BY_INDEX)
    return text.replace("?", "%s").encode(), tuple(lengths)


@cache
def kinds_of(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the array types for some columns of people, trail or texts."""
    hints = {"seal": bytes, **Texts.__annotations__, **TrailEvent.__annotations__}
    hints |= User.__annotations__
    return tuple(_kind(hints[name]) for name in columns)


def array(values: Iterable[Any], kind: str) -> str:
    """Return an array as a literal; psycopg's own takes three times as long."""
    return f"{{{','.join(['NULL' if each is None else _ELEMENTS[kind](each) for each in values])}}}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _hexadecimal(octets: bytes) -> str:
    return f'"\\\\x{octets.hex()}"'


_ELEMENTS: dict[str, Callable[[Any], str]] = {"bigint": str, "text": _quoted, "bytea": _hexadecimal}


def _kind(hint: Any) -> str:
    (plain, *_) = getattr(hint, "__args__", (hint,))
    return next(name for kind, name in _KINDS.items() if issubclass(plain, kind))
