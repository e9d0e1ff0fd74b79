"""Whether a database has the schema that pincli made, and nothing else.

A trigger could give guesses back, a changed CHECK could let a counter exceed its bounds, and an
index with another condition could hide rows. So pincli opens only a schema that it made.
"""

from __future__ import annotations

import re
import sqlite3

from pincli.store.sqlite.tables import FROM_SCHEMA_1, OF_FTS5, SCHEMA_1, SCHEMA_2

_CREATED = re.compile(r'\s*CREATE (?:VIRTUAL )?(TABLE|INDEX) "?(\w+)')
_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master"
_AUTOINDEX = "sqlite_autoindex_"
_OF_OTHERS = frozenset({"_sqlite_migrations", "sqlite_stat1", "sqlite_stat4"})
"""Tables that sqlite-utils and ANALYZE make, with their indexes and without triggers."""
_ENCODING = "UTF-8"

Texts = dict[tuple[str, str], str]


def _texts(*scripts: tuple[str, ...]) -> Texts:
    """The text that SQLite keeps of each statement, by kind and name."""
    texts = {}
    for statement in (statement for script in scripts for statement in script):
        found = _CREATED.match(statement)
        if found is not None:
            texts[found[1].lower(), found[2]] = statement.lstrip()
    return texts


_BY_NAME: Texts = {("table", name): "" for name in OF_FTS5}
"""Their texts differ between versions of SQLite."""


def _accepted(version: int) -> list[Texts]:
    """The texts of a schema of this version; version 2 was made, or made from version 1."""
    if version == 1:
        return [_texts(SCHEMA_1)]
    return [_texts(SCHEMA_2) | _BY_NAME, _texts(SCHEMA_2, FROM_SCHEMA_1) | _BY_NAME]


def cookie(connection: sqlite3.Connection) -> int:
    """A number that SQLite increments when a statement changes the schema."""
    ((count,),) = connection.execute("PRAGMA schema_version").fetchall()
    return int(count)


def foreign(connection: sqlite3.Connection, version: int) -> str | None:
    """What pincli did not make in a database's schema of this version; None if nothing."""
    ((encoding,),) = connection.execute("PRAGMA encoding").fetchall()
    if encoding != _ENCODING:
        return f"the encoding is {encoding}"
    found: Texts = {}
    for kind, name, table, sql in connection.execute(_OBJECTS).fetchall():
        if kind not in ("table", "index"):
            return f"there is a {kind} {name}"
        if table in _OF_OTHERS or (name.startswith(_AUTOINDEX) and sql is None):
            continue
        found[kind, name] = "" if (kind, name) in _BY_NAME else sql
    accepted = _accepted(version)
    if found in accepted:
        return None
    return _difference(found, min(accepted, key=lambda texts: len(set(texts) ^ set(found))))


def _difference(found: Texts, expected: Texts) -> str:
    for what in sorted(set(found) | set(expected)):
        kind, name = what
        if what not in expected:
            return f"there is a foreign {kind} {name}"
        if what not in found:
            return f"the {kind} {name} is missing"
        if found[what] != expected[what]:
            return f"the {kind} {name} was changed"
    return "it was changed"
