"""Edits behind pincli's back, by somebody who can write the database and has no key.

A scene is a store with a past. Every case begins with it as it was made, at the same place,
since the mark knows the place.
"""
# ruff: noqa: S608  # names of tables and columns are put together, values are bound

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from pincli.errors import UnknownUser
from pincli.operations import people
from pincli.operations.locks import unlock
from pincli.operations.verify import verify
from pincli.store.sqlite.tables import FROM_SCHEMA_1, SCHEMA_2
from tests.support.desk import Desk, Ran, new_desk
from tests.support.driving import OTHER, RIGHT, WRONG
from tests.support.replay import replay

TABLES = ("store", "people", "trail", "texts", "notices", "old_events")
MISSES = 2
"""Alice's counter in the scene."""
UNAVAILABLE = 8
_WORDS: dict[str, list[Any]] = {
    "type": ["dedicated"],
    "active": [0],
    "pin_set_by": ["generated"],
    "failed_attempts": [1],
}
"""Plausible values, next to made-up ones."""
REFUSALS = ("tampered", "rolled_back", "unavailable")


class Scene:
    """A store with a past, put back before each case.

    Attributes:
        desk: The store and its keys.
    """

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self._folder = folder
        self._kept: dict[str, Path] = {}
        self.keep("now")

    def keep(self, name: str) -> None:
        """Keep store and keys as they are now."""
        kept = self._kept[name] = self._folder / f"kept-{name}"
        shutil.copytree(self.desk.store, kept / "store")
        shutil.copytree(self.desk.keys, kept / "keys")

    def put_back(self, name: str = "now") -> Desk:
        """Put store and keys back as they were kept."""
        for place in (self.desk.store, self.desk.keys):
            shutil.rmtree(place)
            shutil.copytree(self._kept[name] / place.name, place)
        return self.desk

    def file_of(self, name: str) -> Path:
        """The database as it was kept."""
        return self._kept[name] / "store" / "pincli.db"

    def row_of(self, name: str, user: str) -> dict[str, Any]:
        """A user's row as it was kept."""
        with closing(sqlite3.connect(self.file_of(name))) as connection:
            connection.row_factory = sqlite3.Row
            return dict(
                connection.execute("SELECT * FROM people WHERE login = ?", [user]).fetchone()
            )


def new_scene(folder: Path) -> Scene:
    """Alice has two misses, after a right answer; the others have all that a trail may hold."""
    desk = new_desk(folder)
    for user, account in (
        ("alice", "acme"),
        ("bob", "acme"),
        ("carol", "acme"),
        ("dave", "globex"),
    ):
        desk.collected(user, account, RIGHT if user == "alice" else OTHER)
    desk.add("frank")
    with desk.session() as session:
        verify(session, "alice", RIGHT, "T-1")
        for _ in range(6):
            verify(session, "carol", WRONG, None)
        unlock(session, "carol", "she asked in the portal")
        with suppress(UnknownUser):
            verify(session, "nobody", WRONG, "T-2")
    scene = Scene(desk, folder)
    scene.keep("early")
    with desk.session() as session:
        for _ in range(MISSES):
            verify(session, "alice", WRONG, "T-3")
        verify(session, "bob", WRONG, None)
        people.set_active(session, "carol", active=False, reason="she left")
        verify(session, "dave", OTHER, None)
    desk.sql("INSERT INTO notices VALUES (7, NULL)")
    shutil.rmtree(folder / "kept-now")
    scene.keep("now")
    return scene


@contextmanager
def behind(desk: Desk, *, unchecked: bool = False) -> Iterator[sqlite3.Connection]:
    """The database as somebody else opens it, committed at the end.

    Args:
        desk: Whose.
        unchecked: Whether to write what a CHECK forbids.
    """
    with closing(sqlite3.connect(desk.database)) as connection:
        connection.execute(f"PRAGMA ignore_check_constraints = {int(unchecked)}")
        yield connection
        connection.commit()


def columns() -> list[tuple[str, str]]:
    """Every column of every table that a store may have, as the schema says."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in (*SCHEMA_2, *FROM_SCHEMA_1):
            connection.execute(statement)
        return [
            (table, row[1])
            for table in TABLES
            for row in connection.execute(f"PRAGMA table_info({table})")
        ]


def alter(desk: Desk, table: str, column: str, where: str) -> bool:
    """Give one column of one row another plausible value, within the CHECKs if there is one."""
    with behind(desk) as connection:
        query = f"SELECT {column} FROM {table} WHERE {where}"
        ((value,),) = connection.execute(query).fetchall()
        others = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT ? ORDER BY 1 DESC"
        ((_, declared),) = [
            (row[1], row[2])
            for row in connection.execute(f"PRAGMA table_info({table})")
            if row[1] == column
        ]
        found = [other for (other,) in connection.execute(others, [value]).fetchall()]
    made_up = _WORDS.get(column) or _made_up(value, declared)
    for other in (*made_up, *(x for x in found if x is not None)):
        if _set(desk, table, column, where, other):
            return True
    return any(_set(desk, table, column, where, other, unchecked=True) for other in made_up)


def empty(desk: Desk, table: str, column: str, where: str) -> bool:
    """Put NULL into one column of one row; False where there is NULL, or none may be."""
    with behind(desk) as connection:
        query = f"SELECT {column} IS NULL FROM {table} WHERE {where}"
        if connection.execute(query).fetchall() == [(1,)]:
            return False
    return any(
        _set(desk, table, column, where, None, unchecked=unchecked) for unchecked in (False, True)
    )


def _made_up(value: Any, declared: str) -> list[Any]:
    match value:
        case int():
            return [value - 1, value + 1] if value > 1 else [value + 100]
        case str():
            return [f"{value[:-1]}{'0' if value[-1:] != '0' else '1'}", f"{value}x"]
        case bytes():
            return [value[:-1] + bytes([value[-1] ^ 1])]
        case _:
            empty_of: dict[str, list[Any]] = {
                "INTEGER": [1],
                "TEXT": ["2026-11-24T08:00:00Z"],
                "BLOB": [bytes(16)],
            }
            return empty_of[declared]


def _set(
    desk: Desk, table: str, column: str, where: str, value: Any, *, unchecked: bool = False
) -> bool:
    with behind(desk, unchecked=unchecked) as connection:
        try:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", [value])
        except sqlite3.IntegrityError:
            return False
    return True


def content(desk: Desk) -> list[object]:
    """All that an attempt would change."""
    with closing(sqlite3.connect(desk.database)) as connection:
        connection.text_factory = bytes
        return [
            connection.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY rowid").fetchall()
            for table in ("people", "trail", "texts")
        ]


def told(desk: Desk, user: str, pin: str) -> str:
    """What `pincli verify` on a host of the floor says: its outcome, or the code of its error."""
    return _said(desk.front.verify(user, pin))


def refused(desk: Desk, user: str = "alice", codes: tuple[str, ...] = REFUSALS) -> None:
    """Fail unless the next verify of a user is refused before any charge, right or wrong."""
    before = content(desk)
    for pin in (WRONG, RIGHT):
        ran = desk.front.verify(user, pin)
        assert (ran.code, _said(ran) in codes) == (UNAVAILABLE, True), ran
    assert content(desk) == before


def finding(desk: Desk) -> str | None:
    """What `pincli audit verify` finds."""
    ran = desk.run("audit", "verify", "--json")
    if ran.code == 0:
        return None
    assert ran.code == UNAVAILABLE, ran
    return str(ran.answer.get("finding") or ran.answer["error"]["message"])


def clean(desk: Desk) -> None:
    """Fail unless `audit verify` and the independent replay find nothing wrong."""
    assert finding(desk) is None
    assert replay(desk.sql) == []


def restore(desk: Desk, backup: Path | None = None) -> Ran:
    """`pincli restore`, with a file or without."""
    file = () if backup is None else (str(backup),)
    return desk.run("restore", *file, "--yes", "--json")


def restored(desk: Desk, backup: Path | None = None) -> dict[str, Any]:
    """`pincli restore`, after which nothing is wrong any more; its answer."""
    ran = restore(desk, backup)
    assert ran.code == 0, ran
    clean(desk)
    return ran.answer


def _said(ran: Ran) -> str:
    return str(ran.answer.get("outcome") or ran.answer["error"]["code"])


def verified(desk: Desk, user: str) -> bool:
    """Whether a user's own PIN verifies them."""
    return told(desk, user, RIGHT if user == "alice" else OTHER) == "verified"


def doctored(desk: Desk, index: str, text: str, *, hidden: bool = True) -> None:
    """Make an index hold what another text says; and put its own text back, if hidden."""
    sql = "UPDATE sqlite_master SET sql = ? WHERE type = 'index' AND name = ?"
    with behind(desk) as connection:
        query = "SELECT sql FROM sqlite_master WHERE name = ?"
        ((before,),) = connection.execute(query, [index]).fetchall()
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(sql, [text, index])
    with behind(desk) as connection:
        connection.execute(f"REINDEX {index}")
        connection.commit()
        connection.execute("PRAGMA writable_schema = ON")
        if hidden:
            connection.execute(sql, [before, index])
    with behind(desk) as connection:
        ((text_now,),) = connection.execute(query, [index]).fetchall()
        assert (text_now == before) == hidden


def rewritten(desk: Desk, name: str, old: str, new: str) -> None:
    """Change the text of something in the schema, as only writable_schema can."""
    with behind(desk) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        changed = connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE name = ? AND instr(sql, ?)",
            [old, new, name, old],
        )
        assert changed.rowcount == 1


def spoilt_page(desk: Desk, name: str) -> None:
    """Overwrite the cells of the first page of a table or an index."""
    with behind(desk) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        ((page,),) = connection.execute(query, [name]).fetchall()
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    with desk.database.open("r+b") as file:
        file.seek((page - 1) * size + 8)
        file.write(b"\xff" * (size - 8))


def put_row(desk: Desk, row: dict[str, Any]) -> None:
    """Write a whole row of a user over what has its number."""
    marks = ", ".join("?" * len(row))
    with behind(desk, unchecked=True) as connection:
        connection.execute(
            f"INSERT OR REPLACE INTO people ({', '.join(row)}) VALUES ({marks})", [*row.values()]
        )
