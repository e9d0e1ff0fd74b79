"""An attacker who can write the database, but has no key: seen by the next verify, or by an audit.

Each case says which of the two, and what `pincli restore` without a file makes of it.
"""
# ruff: noqa: S608  # names of tables and columns are put together, values are bound

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from enum import Enum, auto
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.store.attempting import left_open
from tests.support.contract import call
from tests.support.desk import Desk
from tests.support.drive_upkeep_fixture import brought_back
from tests.support.driving import OTHER, RIGHT, WRONG, driven, verify_of
from tests.support.failpoints import Plan
from tests.support.tampering import (
    MISSES,
    UNAVAILABLE,
    Scene,
    alter,
    behind,
    clean,
    columns,
    doctored,
    empty,
    finding,
    new_scene,
    put_row,
    refused,
    restore,
    restored,
    rewritten,
    spoilt_page,
    told,
    verified,
)

SIX = 6
_ALICE = "(SELECT uid FROM people WHERE login = 'alice')"
_HEAD = "(SELECT max(number) FROM trail)"
_CHANGED = f"(SELECT max(number) FROM trail WHERE record IS NOT NULL AND uid = {_ALICE})"
_CHANGES = "CREATE INDEX trail_by_change ON trail (uid, number) WHERE record IS NOT NULL"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """One store with a history, for all cases."""
    return new_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def desk(scene: Scene) -> Desk:
    """A copy of the scene."""
    return scene.put_back()


class Seen(Enum):
    """Who is certain to see an edit first."""

    VERIFY = auto()
    """The next verify of alice, before anything is charged."""
    AUDIT = auto()
    """`audit verify`, and no verify that says yes to a wrong PIN before."""
    DOCTOR = auto()
    """`doctor`, and whoever needs what was edited."""
    NOBODY = auto()
    """Nobody: it is in UNSEEN."""


class Way(Enum):
    """What `pincli restore` without a file makes of a store."""

    KEEPS = auto()
    """All is as before."""
    WITHDRAWS = auto()
    """Alice's PIN is withdrawn, the others' stay."""
    LOCKS = auto()
    """Likewise, and she is locked: that counter was the stricter."""
    DEACTIVATES = auto()
    """Likewise, and she is deactivated or gone, as nobody knows who she was."""
    ALL = auto()
    """Every PIN is withdrawn."""
    REFUSES = auto()
    """Its trail is not whole: a backup is the way."""


def _seen(desk: Desk, seen: Seen, user: str = "alice") -> None:
    """Fail unless the edit is seen by the expected command, and not too late."""
    if seen is Seen.VERIFY:
        refused(desk, user)
        assert finding(desk)
        return
    if seen is Seen.DOCTOR:
        assert desk.run("doctor", "--json").code == UNAVAILABLE
        assert desk.run("pin", "show", "alice", "--json").code == UNAVAILABLE
    else:
        assert (finding(desk) is None) == (seen is Seen.NOBODY)
    for pin in (WRONG, OTHER):  # the other one is bob's
        assert told(desk, "alice", pin) != "verified"


def _taken_in(desk: Desk, way: Way, backup: Path) -> None:
    """Restore without a file, or from the backup if that is the way, and check the result."""
    if way is Way.REFUSES:
        # Where the present store ends where the backup does, nothing has happened since.
        ends_alike = _head_of(desk.database) == _head_of(backup)
        assert restore(desk).code == UNAVAILABLE
        restored(desk, backup)
        way = Way.KEEPS if ends_alike else Way.ALL
    else:
        restored(desk)
    counters = desk.sql("SELECT failed_attempts FROM people WHERE login = 'alice'")
    assert all(counter >= MISSES for (counter,) in counters)
    assert told(desk, "alice", WRONG) != "verified"
    assert verified(desk, "alice") == (way is Way.KEEPS)
    assert verified(desk, "bob") == (way is not Way.ALL)
    if way in (Way.WITHDRAWS, Way.ALL):
        assert told(desk, "alice", RIGHT) == "uncollected"
    if way is Way.LOCKS:
        assert told(desk, "alice", RIGHT) == "locked"
    clean(desk)


def _head_of(database: Path) -> list[tuple[Any, ...]]:
    """Where a store's trail ends; empty if the store does not say what it is."""
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1"
        says = connection.execute("SELECT count(*) FROM store").fetchall() == [(1,)]
        return connection.execute(query).fetchall() if says else []


# Columns.

# For the README: what nobody sees today. Everything here has a test that shows it.
UNSEEN = {
    "store.created_at": "when the store was made, which nothing reads",
    "notices.number": "which locks wait for the hook",
    "notices.tried_at": "when that was last tried",
    "trail.seal": "an event before the newest without its seal: its link shows all else",
}
UNSEEN_BEFORE_AN_AUDIT = {
    "hidden": "an old row put back, and the events since then hidden in trail or index",
    "kept_head": "an old file put back with the newest event of the present one",
    "history": "any change to events, and to their texts, that no check of a record looks at",
}

_ROWS = {
    "store": ("TRUE",),
    "people": ("login = 'alice'",),
    "trail": (f"number = {_CHANGED}", f"number = {_HEAD}"),
    "texts": ("number = (SELECT min(number) FROM texts)",),
    "notices": ("TRUE",),
    "old_events": ("seq = 20", "seq = (SELECT max(seq) FROM old_events)"),
}
_BY_TABLE = {
    "store": (Seen.AUDIT, Way.REFUSES),
    "people": (Seen.VERIFY, Way.WITHDRAWS),
    "trail": (Seen.AUDIT, Way.REFUSES),
    "texts": (Seen.AUDIT, Way.REFUSES),
    "notices": (Seen.AUDIT, Way.REFUSES),
    "old_events": (Seen.AUDIT, Way.REFUSES),
}
"""What is expected of any column, also of one that a later version adds."""
_BY_COLUMN = {
    "store.id": (Seen.AUDIT, None),
    "store.store_id": (Seen.VERIFY, None),
    "store.created_at": (Seen.NOBODY, Way.KEEPS),
    "store.verify_key": (Seen.DOCTOR, None),
    "store.audit_key": (Seen.VERIFY, None),
    "store.portal_key": (Seen.DOCTOR, None),
    "store.epoch": (Seen.AUDIT, None),
    "people.uid": (Seen.VERIFY, Way.DEACTIVATES),
    "people.login": (Seen.AUDIT, Way.DEACTIVATES),
    "people.active": (Seen.VERIFY, Way.DEACTIVATES),
    "notices.number": (Seen.NOBODY, Way.KEEPS),
    "notices.tried_at": (Seen.NOBODY, Way.KEEPS),
}
_BY_EVENT = {
    (f"number = {_CHANGED}", "number"): Seen.VERIFY,
    (f"number = {_CHANGED}", "uid"): Seen.VERIFY,
    (f"number = {_HEAD}", "number"): Seen.VERIFY,
    (f"number = {_HEAD}", "link"): Seen.VERIFY,
    (f"number = {_HEAD}", "seal"): Seen.VERIFY,
}


def _expected(table: str, column: str, where: str, how: str) -> tuple[Seen, Way | None]:
    name = f"{table}.{column}"
    if how == "empty" and table == "trail" and where == f"number = {_CHANGED}":
        if column == "seal":
            return Seen.NOBODY, Way.KEEPS
        if column == "record":
            return Seen.VERIFY, Way.REFUSES
    seen, way = _BY_COLUMN.get(name, _BY_TABLE[table])
    return _BY_EVENT.get((where, column), seen) if table == "trail" else seen, way


@pytest.mark.rotating
@pytest.mark.parametrize(
    ("table", "column"),
    [pytest.param(*each, id=".".join(each)) for each in columns() if each[0] != "old_events"],
)
@pytest.mark.parametrize("how", [alter, empty], ids=["altered", "emptied"])
def test_any_column(
    scene: Scene, table: str, column: str, how: Callable[[Desk, str, str, str], bool]
) -> None:
    """Another plausible value, or NULL, in any column of any table."""
    for where in _ROWS[table]:
        desk = scene.put_back()
        if not how(desk, table, column, where):
            continue
        seen, way = _expected(table, column, where, how.__name__)
        assert seen is not Seen.NOBODY or f"{table}.{column}" in UNSEEN
        _seen(desk, seen)
        scene.put_back()
        how(desk, table, column, where)
        if way is not None:
            _taken_in(desk, way, scene.file_of("now"))


@pytest.mark.parametrize(
    "column", [column for table, column in columns() if table == "people" and column != "login"]
)
def test_a_tampered_record_is_nobody_elses_matter(desk: Desk, column: str) -> None:
    """Other users go on; a bulk reset leaves the user out, names her and resets the rest."""
    assert alter(desk, "people", column, "login = 'alice'")
    assert told(desk, "bob", WRONG) == "incorrect"
    assert verified(desk, "bob")
    assert verified(desk, "dave")
    query = "SELECT * FROM people WHERE login = 'alice' OR account = 'globex'"
    before = desk.sql(query)
    ran = desk.run("reset", "--account", "acme", "--reason", "attack", "--yes", "--json")
    if column == "account":
        assert ran.code == 0, ran  # she is not in this account any more
    else:
        assert ran.code == UNAVAILABLE, ran
        assert ran.answer["error"]["code"] == "tampered"
        assert "alice" in ran.answer["error"]["message"]
    assert desk.sql(query)[:1] == before[:1]
    assert told(desk, "bob", OTHER) == "uncollected"


# Rows, schema, pages, files.


class Case(NamedTuple):
    """An edit, who sees it, and the way back.

    Attributes:
        user: Whose verify sees it.
        way: None where a restore without a file is not asked for.
    """

    edit: Callable[[Scene], None]
    seen: Seen
    way: Way | None
    user: str = "alice"


def _sql(*statements: str, unchecked: bool = False) -> Callable[[Scene], None]:
    def edit(scene: Scene) -> None:
        with behind(scene.desk, unchecked=unchecked) as connection:
            for statement in statements:
                connection.execute(statement)

    return edit


def _forged_row(**values: Any) -> Callable[[Scene], None]:
    """Alice's row again, as another user's."""
    return lambda scene: put_row(scene.desk, {**scene.row_of("now", "alice"), **values})


def _old_row(scene: Scene) -> None:
    put_row(scene.desk, scene.row_of("early", "alice"))


def _then(*edits: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def edit(scene: Scene) -> None:
        for each in edits:
            each(scene)

    return edit


def _rows_swapped(scene: Scene) -> None:
    alice, bob = (scene.row_of("now", user) for user in ("alice", "bob"))
    _sql("DELETE FROM people WHERE login IN ('alice', 'bob')")(scene)
    put_row(scene.desk, {**alice, "id": bob["id"]})
    put_row(scene.desk, {**bob, "id": alice["id"]})


def _uids_swapped(scene: Scene) -> None:
    alice, bob = (scene.row_of("now", user) for user in ("alice", "bob"))
    _sql("DELETE FROM people WHERE login IN ('alice', 'bob')")(scene)
    put_row(scene.desk, {**alice, "uid": bob["uid"]})
    put_row(scene.desk, {**bob, "uid": alice["uid"]})


def _since(what: str) -> Callable[[Scene], None]:
    """Change the events that came after alice's present row."""
    return _sql(
        f"{what} WHERE uid = {_ALICE} AND number > (SELECT event FROM people WHERE login = 'alice')"
    )


def _forged_event(seal: bytes | None) -> Callable[[Scene], None]:
    """Add a false unlock as the newest event; b'' means the seal of the event before."""

    def edit(scene: Scene) -> None:
        with behind(scene.desk) as connection:
            connection.row_factory = sqlite3.Row
            query = f"SELECT * FROM trail WHERE number = {_HEAD}"
            row = dict(connection.execute(query).fetchone())
            row |= {"number": row["number"] + 1, "kind": "unlocked", "counter": 0}
            row |= {"attempt": None, "outcome": None, "record": None, "texts": None}
            row["uid"] = scene.row_of("now", "alice")["uid"]
            row["seal"] = row["seal"] if seal == b"" else seal
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO trail VALUES ({marks})", [*row.values()])

    return edit


def _rewritten(name: str, old: str, new: str) -> Callable[[Scene], None]:
    return lambda scene: rewritten(scene.desk, name, old, new)


def _doctored(index: str, text: str, *, hidden: bool = True) -> Callable[[Scene], None]:
    return lambda scene: doctored(scene.desk, index, text, hidden=hidden)


def _spoilt(name: str) -> Callable[[Scene], None]:
    return lambda scene: spoilt_page(scene.desk, name)


def _old_file(scene: Scene) -> None:
    shutil.copy(scene.file_of("early"), scene.desk.database)


def _as_utf_16(scene: Scene) -> None:
    path = scene.desk.database
    with closing(sqlite3.connect(path)) as connection:
        ((words,),) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'words'")
        connection.execute("DROP TABLE words")  # a dump can't make that one again
        dump = "\n".join(connection.iterdump())
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16'")
        connection.executescript(dump)
        connection.execute(words)
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
    path.chmod(0o600)


def _seems_taken_in(scene: Scene) -> None:
    """Put back an old file in which an old event looks like a restore that names the mark."""
    ((number, link),) = scene.desk.sql(f"SELECT number, link FROM trail WHERE number = {_HEAD}")
    _old_file(scene)
    note = f"mark {number}:{link.hex()}"
    scene.desk.sql("UPDATE trail SET kind = 'restored', note = ? WHERE number = 2", note)


def _with_kept_head(scene: Scene) -> None:
    """Put back an old file with the present newest event."""
    (row,) = scene.desk.sql(f"SELECT * FROM trail WHERE number = {_HEAD}")
    _old_file(scene)
    scene.desk.sql(f"INSERT INTO trail VALUES ({', '.join('?' * len(row))})", *row)


_FREE = (
    "CREATE TRIGGER free AFTER UPDATE ON people WHEN new.failed_attempts > 0 "
    "BEGIN UPDATE people SET failed_attempts = 0 WHERE id = new.id; END"
)
_TWISTED = (
    "CREATE INDEX people_by_login ON people (CASE login WHEN 'alice' THEN 'bob' "
    "WHEN 'bob' THEN 'alice' ELSE login END, account)"
)
_MALLORY: dict[str, Any] = {"id": 77, "uid": b"m" * 16, "login": "mallory"}
_SPOILT_TEXT = "UPDATE people SET {} = CAST(x'ff41' AS TEXT) WHERE login = 'alice'"

CASES = {
    "deleted": Case(_sql("DELETE FROM people WHERE login = 'alice'"), Seen.AUDIT, Way.DEACTIVATES),
    "inserted": Case(_forged_row(**_MALLORY), Seen.VERIFY, Way.KEEPS, "mallory"),
    "inserted below 1": Case(
        _forged_row(**{**_MALLORY, "id": -5}), Seen.VERIFY, Way.KEEPS, "mallory"
    ),
    "rows swapped": Case(_rows_swapped, Seen.VERIFY, Way.ALL),
    "rows swapped, the other": Case(_rows_swapped, Seen.VERIFY, Way.ALL, "bob"),
    "uids swapped": Case(_uids_swapped, Seen.VERIFY, Way.ALL),
    "uids swapped, the other": Case(_uids_swapped, Seen.VERIFY, Way.ALL, "bob"),
    "another row number": Case(
        _sql("UPDATE people SET id = -5 WHERE login = 'alice'", unchecked=True),
        Seen.VERIFY,
        Way.WITHDRAWS,
    ),
    "old row": Case(_old_row, Seen.VERIFY, Way.WITHDRAWS),
    "old row, its last events unsealed": Case(
        _then(_old_row, _since("UPDATE trail SET seal = NULL")), Seen.VERIFY, Way.WITHDRAWS
    ),
    "old row, its last events unrecorded": Case(
        _then(_old_row, _since("UPDATE trail SET record = NULL")), Seen.AUDIT, Way.REFUSES
    ),
    "old row, its last events another's": Case(
        _then(_old_row, _since("UPDATE trail SET uid = x'00'")), Seen.AUDIT, Way.REFUSES
    ),
    "old row, its last events removed": Case(
        _then(_old_row, _since("DELETE FROM trail")), Seen.AUDIT, Way.REFUSES
    ),
    "old row, its last events hidden in the index": Case(
        _then(_old_row, _doctored("trail_by_change", f"{_CHANGES} AND number < 30")),
        Seen.AUDIT,
        Way.WITHDRAWS,
    ),
    "newest event removed": Case(
        _sql(f"DELETE FROM trail WHERE number = {_HEAD}"), Seen.VERIFY, Way.ALL
    ),
    "tail cut": Case(_sql("DELETE FROM trail WHERE number > 28"), Seen.VERIFY, Way.ALL),
    "nearly all cut": Case(_sql("DELETE FROM trail WHERE number > 1"), Seen.VERIFY, None),
    "all events removed": Case(_sql("DELETE FROM trail"), Seen.VERIFY, Way.REFUSES),
    "an event without a seal": Case(_forged_event(None), Seen.VERIFY, Way.REFUSES),
    "an event wrongly sealed": Case(_forged_event(bytes(32)), Seen.VERIFY, Way.REFUSES),
    "an event with another's seal": Case(_forged_event(b""), Seen.VERIFY, Way.REFUSES),
    "events swapped": Case(
        _sql(
            "UPDATE trail SET number = 1005 WHERE number = 5",
            "UPDATE trail SET number = 5 WHERE number = 6",
            "UPDATE trail SET number = 6 WHERE number = 1005",
        ),
        Seen.AUDIT,
        Way.REFUSES,
    ),
    "texts removed": Case(_sql("DELETE FROM texts"), Seen.AUDIT, Way.REFUSES),
    "text added": Case(
        _sql("INSERT INTO texts VALUES (3, x'00', 'a', 'b', 'c')"), Seen.AUDIT, Way.REFUSES
    ),
    "text of no event": Case(
        _sql("INSERT INTO texts VALUES (999, x'00', 'a', 'b', 'c')"), Seen.AUDIT, Way.KEEPS
    ),
    "trigger": Case(_sql(_FREE), Seen.VERIFY, Way.KEEPS),
    "trigger by a name of SQLite's": Case(
        _then(
            _sql(_FREE),
            _sql(
                "PRAGMA writable_schema = ON",
                "UPDATE sqlite_master SET name = 'sqlite_free', "
                "sql = replace(sql, 'TRIGGER free', 'TRIGGER sqlite_free') WHERE name = 'free'",
            ),
        ),
        Seen.VERIFY,
        Way.KEEPS,
    ),
    "trigger on the list of migrations": Case(
        _sql(
            "CREATE TRIGGER free AFTER INSERT ON _sqlite_migrations "
            "BEGIN UPDATE people SET failed_attempts = 0; END"
        ),
        Seen.VERIFY,
        Way.KEEPS,
    ),
    "view": Case(_sql("CREATE VIEW nobody AS SELECT 1"), Seen.VERIFY, Way.KEEPS),
    "view in a table's place": Case(
        _sql("ALTER TABLE people RENAME TO them", "CREATE VIEW people AS SELECT * FROM them"),
        Seen.VERIFY,
        Way.KEEPS,
    ),
    "table": Case(_sql("CREATE TABLE mine (x)"), Seen.VERIFY, Way.KEEPS),
    "index": Case(_sql("CREATE INDEX mine ON people (email)"), Seen.VERIFY, Way.KEEPS),
    "column": Case(_sql("ALTER TABLE people ADD COLUMN mine TEXT"), Seen.VERIFY, Way.KEEPS),
    "no bound for the counter": Case(
        _rewritten("people", "failed_attempts BETWEEN 0 AND 6", "TRUE"), Seen.VERIFY, Way.KEEPS
    ),
    "no types": Case(_rewritten("people", ") STRICT", ")"), Seen.VERIFY, Way.KEEPS),
    "partial index of other rows": Case(
        _doctored("trail_by_change", f"{_CHANGES} AND number < 30", hidden=False),
        Seen.VERIFY,
        Way.KEEPS,
    ),
    "index that hides rows under its own text": Case(
        _doctored("trail_by_change", f"{_CHANGES} AND number < 25"), Seen.VERIFY, Way.KEEPS
    ),
    "index that finds another by login": Case(
        _doctored("people_by_login", _TWISTED), Seen.AUDIT, Way.KEEPS
    ),
    "index dropped": Case(_sql("DROP INDEX trail_by_change"), Seen.VERIFY, Way.KEEPS),
    "index by login dropped": Case(_sql("DROP INDEX people_by_login"), Seen.VERIFY, Way.KEEPS),
    "page of an index that a verify reads": Case(
        _spoilt("people_by_login"), Seen.VERIFY, Way.KEEPS
    ),
    "page of an index that a verify writes": Case(_spoilt("trail_by_time"), Seen.VERIFY, Way.KEEPS),
    "page of an index that a verify leaves alone": Case(
        _spoilt("people_by_state"), Seen.AUDIT, Way.KEEPS
    ),
    "encoding": Case(_as_utf_16, Seen.VERIFY, Way.KEEPS),
    "version of a later pincli": Case(_sql("PRAGMA user_version = 3"), Seen.VERIFY, None),
    "version of an earlier pincli": Case(_sql("PRAGMA user_version = 1"), Seen.VERIFY, None),
    "no store of pincli's": Case(_sql("PRAGMA application_id = 0"), Seen.VERIFY, None),
    "no row of its own": Case(_sql("DELETE FROM store"), Seen.VERIFY, Way.REFUSES),
    "two rows of its own": Case(
        _sql(
            "INSERT INTO store SELECT 2, store_id, created_at, verify_key, audit_key, portal_key, "
            "epoch, start_number, start_link, start_seal FROM store",
            unchecked=True,
        ),
        Seen.VERIFY,
        None,
    ),
    "old file": Case(_old_file, Seen.VERIFY, None),
    "old file that seems to be taken in": Case(_seems_taken_in, Seen.VERIFY, None),
    "old file with the newest event": Case(_with_kept_head, Seen.AUDIT, Way.REFUSES),
    "a record without a PIN": Case(
        _sql("UPDATE people SET display_name = 'Mallory' WHERE login = 'frank'"),
        Seen.VERIFY,
        Way.KEEPS,
        "frank",
    ),
    "text that is none": Case(
        _sql(_SPOILT_TEXT.format("display_name")), Seen.VERIFY, Way.WITHDRAWS
    ),
    "login that is no text": Case(_sql(_SPOILT_TEXT.format("login")), Seen.AUDIT, Way.DEACTIVATES),
    "counter above six": Case(
        _sql("UPDATE people SET failed_attempts = 99 WHERE login = 'alice'", unchecked=True),
        Seen.VERIFY,
        Way.LOCKS,
    ),
    "counter below zero": Case(
        _sql("UPDATE people SET failed_attempts = -9 WHERE login = 'alice'", unchecked=True),
        Seen.VERIFY,
        Way.WITHDRAWS,
    ),
    "word that is no type": Case(
        _sql("UPDATE people SET type = 'king' WHERE login = 'alice'", unchecked=True),
        Seen.VERIFY,
        Way.WITHDRAWS,
    ),
    "numbers that can grow no more": Case(
        _sql(
            f"UPDATE people SET pin_version = {2**63 - 1}, attempts_total = {2**63 - 1}, "
            f"locks_total = {2**63 - 1} WHERE login = 'alice'"
        ),
        Seen.VERIFY,
        Way.WITHDRAWS,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_any_edit(scene: Scene, name: str) -> None:
    """Rows, events, schema, pages, files: seen and taken in as the table says."""
    case = CASES[name]
    desk = scene.put_back()
    case.edit(scene)
    _seen(desk, case.seen, case.user)
    scene.put_back()
    case.edit(scene)
    if case.way is not None:
        _taken_in(desk, case.way, scene.file_of("now"))


# Guesses.

_REWIND = "UPDATE people SET failed_attempts = 0, locked_since = NULL WHERE login = 'alice'"


def _reinserted(scene: Scene) -> None:
    _sql("DELETE FROM people WHERE login = 'alice'")(scene)
    _old_row(scene)


def _cut_to(scene: Scene) -> None:
    _old_row(scene)
    event = scene.row_of("early", "alice")["event"]
    scene.desk.sql("DELETE FROM trail WHERE number > ?", event)


LOOPS = {
    "counter": _sql(_REWIND),
    "totals too": _sql(_REWIND, "UPDATE people SET attempts_total = 0, locks_total = 0"),
    "old row": _old_row,
    "row deleted and inserted": _reinserted,
    "old row, and the trail cut to it": _cut_to,
    "trigger": _sql(_FREE.replace("TRIGGER", "TRIGGER IF NOT EXISTS")),
    "forged unlock": _then(_sql(_REWIND), _forged_event(bytes(32))),
    "old file": _old_file,
    "old file that seems to be taken in": _seems_taken_in,
    "another user's row": _rows_swapped,
    "the newest event removed": _then(_old_row, _sql(f"DELETE FROM trail WHERE number = {_HEAD}")),
    "a check that fits": _sql("UPDATE people SET pin_check = attempt_answer WHERE attempt > 0"),
    "a question at no cost": _sql(
        "UPDATE people SET question = replace(question, 't=1', 't=0') WHERE login = 'alice'"
    ),
    "keys by another name": _sql("UPDATE store SET verify_key = audit_key"),
}


@pytest.mark.parametrize("name", LOOPS)
def test_no_edit_between_guesses_buys_a_seventh(scene: Scene, name: str) -> None:
    """Editing after every guess gives no more than six answers and charges."""
    desk = scene.put_back()
    outcomes = MISSES * ["incorrect"]
    for turn in range(2 * SIX):
        if turn:
            LOOPS[name](scene)
        outcomes.append(told(desk, "alice", f"{800_000 + turn * 1117}"))
    assert outcomes.count("incorrect") <= SIX
    assert set(outcomes) <= {"incorrect", "locked", "tampered", "rolled_back", "unavailable"}


@pytest.mark.parametrize(
    "edit",
    [
        "pin_check = attempt_answer",
        "attempt_answer = pin_check",
        "attempt_answer = NULL, attempt = NULL, failed_attempts = failed_attempts - 1",
        "attempt_agent = 'mallory'",
    ],
)
def test_an_answer_in_flight_is_sealed_too(scene: Scene, edit: str) -> None:
    """An open attempt that was edited is never ended as verified; a restore counts it as a miss."""
    desk = scene.put_back()
    left_open(desk, desk.user("alice"), WRONG)
    _sql(f"UPDATE people SET {edit} WHERE login = 'alice'")(scene)
    refused(desk)
    assert finding(desk)
    restored(desk)
    assert not verified(desk, "alice")
    assert desk.sql("SELECT failed_attempts, attempt FROM people WHERE login = 'alice'") == [
        (MISSES + 1, None)
    ]
    assert desk.sql("SELECT count(*) FROM trail WHERE kind = 'verified'") == [(2,)]


@pytest.mark.parametrize("point", ["charge", "settle"])
def test_what_is_edited_while_a_verify_is_under_way(scene: Scene, point: str) -> None:
    """The schema is compared again if it has changed since the store was opened."""
    desk = scene.put_back()
    with driven(desk, *verify_of("alice"), plan=Plan(at=((point, "pause"),)), pin=RIGHT) as run:
        run.await_pause()
        _sql(_FREE)(scene)
        run.go_on()
        ended = run.end()
    assert ended.code == UNAVAILABLE, ended
    assert ended.answer["error"]["code"] == "tampered"
    restored(desk)
    charged = point == "settle"
    assert desk.sql("SELECT failed_attempts FROM people WHERE login = 'alice'") == [
        (MISSES + charged,)
    ]


# What is not seen before an audit: each of these is in UNSEEN_BEFORE_AN_AUDIT.


@pytest.mark.parametrize(
    ("why", "hide"),
    [
        ("hidden", _then(_old_row, _since("UPDATE trail SET record = NULL"))),
        ("kept_head", _with_kept_head),
    ],
)
def test_hidden_events_buy_guesses_until_an_audit(
    scene: Scene, why: str, hide: Callable[[Scene], None]
) -> None:
    """An old row with its later events hidden is accepted; an audit finds it."""
    assert why in UNSEEN_BEFORE_AN_AUDIT
    desk = scene.put_back()
    hide(scene)
    for _ in range(2):
        assert told(desk, "alice", WRONG) == "incorrect"
    assert desk.user("alice").failed_attempts == 2
    assert finding(desk)


def test_what_happened_can_be_rewritten_until_an_audit(scene: Scene) -> None:
    """Lists show a changed agent on an old event; an audit finds it."""
    assert "history" in UNSEEN_BEFORE_AN_AUDIT
    desk = scene.put_back()
    desk.sql("UPDATE trail SET agent = 'mallory' WHERE number = 12")
    assert verified(desk, "alice")
    assert "event" in (finding(desk) or "")


# A store that comes from schema 1.


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A store of version 1, upgraded, and its old file."""
    folder = tmp_path_factory.mktemp("upgraded")
    desk = brought_back(1, folder)
    scene = Scene(desk, folder)
    scene.keep("version-1")
    assert call(desk, "store upgrade --json").code == 0
    assert told(desk, "alice", WRONG) == "incorrect"
    shutil.rmtree(folder / "kept-now")
    scene.keep("now")
    return scene


@pytest.mark.parametrize("column", [column for table, column in columns() if table == "old_events"])
def test_any_column_of_old_events(upgraded: Scene, column: str) -> None:
    """An audit finds any change in the trail of version 1, and no restore accepts it."""
    for how, where in product((alter, empty), _ROWS["old_events"]):
        desk = upgraded.put_back()
        if how(desk, "old_events", column, where):
            _seen(desk, Seen.AUDIT)
            assert restore(desk).code == UNAVAILABLE


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM old_events WHERE seq = (SELECT max(seq) FROM old_events)",
        "DELETE FROM old_events WHERE seq = 20",
        "DELETE FROM old_events",
        "INSERT INTO old_events SELECT seq + 1000, at, agent, command, kind, user, account, "
        "attempt, outcome, attempts_used, pin_version, reason, ticket, mac FROM old_events",
        "UPDATE trail SET note = NULL WHERE kind = 'migrated' AND uid IS NULL",
    ],
)
def test_old_events_removed_or_added(upgraded: Scene, statement: str) -> None:
    """The new trail begins exactly where the old one ended."""
    desk = upgraded.put_back()
    _sql(statement)(upgraded)
    _seen(desk, Seen.AUDIT)


def test_the_file_of_version_1_is_an_old_file(upgraded: Scene) -> None:
    """Put back, it is upgraded and then refused: it is older than the mark."""
    desk = upgraded.put_back()
    for _ in range(2):
        shutil.copy(upgraded.file_of("version-1"), desk.database)
        for pin in (WRONG, RIGHT):
            assert told(desk, "alice", pin) == "rolled_back"
    restored(desk)
    assert told(desk, "alice", RIGHT) == "uncollected"
