"""Tampering by the database's owner: the next charge, `doctor` or `audit verify` sees it.

Each case says which. What nobody sees is in UNSEEN, for the README.
"""
# ruff: noqa: S608  # names of tables and columns are put together, values are bound

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pincli.errors import PincliError, UnknownUser
from pincli.models import Origin, Outcome
from pincli.operations import people
from pincli.operations.doctor.examination import examine
from pincli.operations.session import Need
from pincli.operations.trail_check import check_trail
from pincli.operations.verify import verify
from pincli.store.postgresql import tables as schema
from pincli.store.sql.rows import USER_COLUMNS
from tests.support.desk import Desk
from tests.support.driving import OTHER, RIGHT, WRONG
from tests.support.postgresql import Server
from tests.support.served import ServedDesk, make_schema, served_desk

TABLES = ("store", "people", "trail", "texts", "notices", "nonces", "words")
MISSES = 2
SIX = 6

# For the README: what nobody sees. Everything here has a case that shows it.
UNSEEN = {
    "store.created_at": "when the store was made",
    "notices": "which locks wait for the hook, and when that was last tried",
    "nonces": "which charges were asked for: an attempt in flight may fail, or be charged twice",
    "words": "by which words people are found: `find` may miss some, and shows nobody else",
    "people.seal taken away": "a record without its seal looks like one that a desk has written",
    "trail.seal taken away": "likewise an event; `doctor` says so an hour later",
    "forged": "an event made up behind the last seal, with digest and links as they have to be: "
    "an unlock that never was buys six answers",
}


class Seen(Enum):
    """Who is the first to see an edit of rows."""

    VERIFY = auto()
    """The next verify, before a charge, and `audit verify` too."""
    AUDIT = auto()
    """`audit verify`; before that, no verify says yes to a wrong PIN."""
    NOBODY = auto()
    """Nobody; the edit is in UNSEEN."""


class Scene:
    """A store with some history, put back before each case."""

    def __init__(self, desk: ServedDesk) -> None:
        self.desk = desk
        desk.sql("; ".join(f"CREATE TABLE public.kept_{each} AS TABLE {each}" for each in TABLES))
        (self._mark,) = desk.keys.glob("mark-*")
        self._marked = self._mark.read_bytes()

    def put_back(self) -> ServedDesk:
        """Put everything but the schema back."""
        self.desk.sql(_replaced_by("kept"))
        self._mark.write_bytes(self._marked)
        return self.desk


def _replaced_by(when: str) -> str:
    return "; ".join(
        f"DELETE FROM {each}; INSERT INTO {each} TABLE public.{when}_{each}" for each in TABLES
    )


@pytest.fixture(scope="module")
def past(server: Server, tmp_path_factory: pytest.TempPathFactory) -> ServedDesk:
    """Make a store: alice has two misses after a right answer, and lara is locked."""
    desk = served_desk(server.database(make_schema), tmp_path_factory.mktemp("past"))
    desk.collected("alice")
    for user in ("bob", "carol", "lara"):
        desk.collected(user, pin=OTHER)
    desk.add("frank")
    _answer(desk, "lara", *[WRONG] * SIX)
    _answer(desk, "alice", RIGHT)
    desk.sql("; ".join(f"CREATE TABLE public.early_{each} AS TABLE {each}" for each in TABLES))
    _answer(desk, "alice", *[WRONG] * MISSES)
    with desk.session() as session:
        people.set_active(session, "carol", active=False, reason="she left")
    _answer(desk, "bob", WRONG, OTHER)
    desk.sql("INSERT INTO notices VALUES (7, NULL)")
    return desk


def _answer(desk: Desk, user: str, *pins: str) -> Outcome:
    """Verify answers on a desk's host, and return the last outcome."""
    with desk.front.session(Need.ATTEMPT, Need.COMPARE) as session:
        return [verify(session, user, pin, "T-1").outcome for pin in pins][-1]


@pytest.fixture(scope="module")
def scene(past: ServedDesk, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Make a store for edits of rows."""
    return Scene(past.copied(tmp_path_factory.mktemp("scene")))


@pytest.fixture(scope="module")
def bare(past: ServedDesk, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Make a store without constraints, as its owner can."""
    scene = Scene(past.copied(tmp_path_factory.mktemp("bare")))
    drop = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) "
    allow = "SELECT format('ALTER TABLE %s ALTER %I DROP NOT NULL', attrelid::regclass, attname) "
    for query in (
        f"{drop} FROM pg_constraint WHERE connamespace = 'pincli'::regnamespace AND contype <> 'n'",
        f"{allow} FROM pg_attribute JOIN pg_class AS c ON attrelid = c.oid "
        "WHERE relnamespace = 'pincli'::regnamespace AND relkind = 'r' AND attnotnull "
        "AND attnum > 0",
    ):
        scene.desk.sql("; ".join(statement for (statement,) in scene.desk.sql(query)))
    return scene


# Who sees an edit.


def refuses(desk: Desk, user: str) -> bool:
    """Whether a desk refuses a wrong answer and a right one, and writes nothing."""
    before = _content(desk)
    for pin in (WRONG, RIGHT):
        try:
            outcome = _answer(desk, user, pin)
        except UnknownUser:
            return False
        except PincliError:
            continue
        assert (pin, outcome) != (WRONG, Outcome.VERIFIED)
        return False
    return _content(desk) == before


def _content(desk: Desk) -> list[Any]:
    rows = " UNION ALL ".join(f"SELECT '{each}', x::text FROM {each} AS x" for each in TABLES)
    return desk.sql(f"{rows} ORDER BY 1, 2")


def named_by_audit(desk: Desk) -> bool:
    """Whether `audit verify` finds something."""
    try:
        with desk.session() as session:
            return check_trail(session, None).finding is not None
    except PincliError:
        return True


def named_by_doctor(desk: Desk) -> bool:
    """Whether `doctor` finds something wrong with schema, mark or keys."""
    checks = examine(desk.location, desk.keys, origin=Origin("lea", "doctor"))
    found = {check.what for check in checks if check.finding is not None}
    return bool(found - {"TLS", "durable writes", "hanging hosts"})  # as the tests' server is


def first_to_see(scene: Scene, edit: Callable[[Desk], object], user: str = "alice") -> Seen:
    """Return who sees an edit of rows first."""
    desk = scene.put_back()
    edit(desk)
    if refuses(desk, user):
        assert named_by_audit(desk)
        return Seen.VERIFY
    scene.put_back()
    edit(desk)
    return Seen.AUDIT if named_by_audit(desk) else Seen.NOBODY


# Columns.

_ALICE = "(SELECT uid FROM people WHERE login = 'alice')"
_HEAD = "(SELECT max(number) FROM trail)"
_CHANGED = f"(SELECT max(number) FROM trail WHERE record IS NOT NULL AND uid = {_ALICE})"
_ROWS = {
    "store": ("TRUE",),
    "people": ("login = 'alice'",),
    "trail": (f"number = {_CHANGED}", f"number = {_HEAD}"),
    "texts": ("number = (SELECT min(number) FROM texts)",),
    "notices": ("TRUE",),
    "nonces": ("attempt = (SELECT max(attempt) FROM nonces)",),
    "words": ("id = (SELECT id FROM people WHERE login = 'alice')",),
}
_BY_TABLE = {
    "store": Seen.VERIFY,
    "people": Seen.VERIFY,
    "trail": Seen.AUDIT,
    "texts": Seen.AUDIT,
    "notices": Seen.NOBODY,
    "nonces": Seen.NOBODY,
    "words": Seen.NOBODY,
}
"""The expectation for each table's columns, including future ones."""
_BY_COLUMN = {
    "store.created_at": Seen.NOBODY,
    "people.login": Seen.AUDIT,
    "people.seal": Seen.AUDIT,  # a desk has no key, and writes records without a seal
}
_WHERE_ALTERED = dict.fromkeys(
    (
        *("store.audit_key", "store.portal_key", "store.epoch", "store.head_number"),
        *("store.start_number", "store.start_link", "store.start_seal"),
    ),
    Seen.AUDIT,
)
"""Without these values the store can't be opened."""
_OF_THE_RECORD = ("number", "uid", "record")
"""The columns of a record's newest event that the next verify compares."""


def _expected(table: str, column: str, where: str, *, emptied: bool) -> Seen:
    name = f"{table}.{column}"
    if table == "trail" and where != f"number = {_HEAD}" and column in _OF_THE_RECORD:
        return Seen.VERIFY
    if not emptied and name in _WHERE_ALTERED:
        return _WHERE_ALTERED[name]
    seen = _BY_COLUMN.get(name, _BY_TABLE[table])
    assert seen is not Seen.NOBODY or name in UNSEEN or table in UNSEEN
    return seen


def _columns() -> list[tuple[str, str]]:
    """Return every column of every table."""
    found = []
    for statement in schema.TABLES:
        head, _, body = statement.strip().partition("(\n")
        if head.startswith("CREATE TABLE"):
            names = re.findall(r"^ {8}([a-z_]+) ", body, re.MULTILINE)
            found += [(head.split("pincli.")[1].strip(), name) for name in names]
    return found


def _other(value: Any, kind: str, column: str) -> Any:
    """Return another plausible value for a column."""
    words = {"type": "dedicated", "active": 0, "nonce": "0" * 32, "xid": "1", "folded": "'x'"}
    if column in words:
        return words[column]
    if kind == "bytea":
        return bytes(32 if value is None else len(value))
    return (value or 0) + 1 if kind in ("bigint", "integer") else "2026-11-24T08:00:00Z"


@pytest.mark.rotating
@pytest.mark.parametrize(
    ("table", "column"), [pytest.param(*each, id=".".join(each)) for each in _columns()]
)
def test_any_column(bare: Scene, table: str, column: str) -> None:
    """Another value or NULL in any column is seen as expected, even without constraints."""
    for where in _ROWS[table]:
        ((value, kind),) = bare.put_back().sql(
            f"SELECT {column}, pg_typeof({column})::text FROM {table} WHERE {where}"
        )
        for other in (_other(value, kind, column), None):
            if other == value:
                continue
            statement = f"UPDATE {table} SET {column} = %s WHERE {where}"
            seen = first_to_see(bare, lambda desk: desk.sql(statement, other))  # noqa: B023
            expected = _expected(table, column, where, emptied=other is None)
            assert seen is expected, (where, other)


# Rows.

_UNTIL = "(SELECT event FROM people WHERE login = 'alice')"
_OLD_ROW = (
    "DELETE FROM people WHERE login = 'alice'; "
    "INSERT INTO people SELECT * FROM public.early_people WHERE login = 'alice'"
)
_SINCE = f"WHERE uid = {_ALICE} AND number > {_UNTIL}"
_TO_THE_END = (
    "UPDATE store SET (head_number, head_link) = "
    "(SELECT number, link FROM trail ORDER BY number DESC LIMIT 1)"
)
_FORGED = """
DO $$
DECLARE u people; e trail;
BEGIN
  SELECT * INTO u FROM people WHERE login = 'lara';
  u.failed_attempts := 0; u.locked_since := NULL;
  e.kind := 'unlocked'; e.at := u.last_attempt_at; e.agent := 'portal'; e.command := 'unlock';
  u := pincli._append(u, e, true, NULL, NULL);
  UPDATE people AS p SET failed_attempts = 0, locked_since = NULL, event = u.event, seal = NULL
    WHERE p.id = u.id;
END $$
"""


def _swapped(column: str, by: str) -> str:
    """Return SQL that swaps a column of alice and bob; `by` is a free value."""
    alice, bob = (
        f"(SELECT {column} FROM public.kept_people WHERE login = '{user}')"
        for user in ("alice", "bob")
    )
    return (
        f"UPDATE people SET {column} = {by} WHERE login = 'alice'; "
        f"UPDATE people SET {column} = {alice} WHERE login = 'bob'; "
        f"UPDATE people SET {column} = {bob} WHERE login = 'alice'"
    )


def _mallory(**values: str) -> str:
    """Return SQL that copies alice's row to a new user."""
    values = {"id": "77", "uid": "decode(repeat('6d', 16), 'hex')", "login": "'mallory'"} | values
    columns = (*USER_COLUMNS, "seal")
    selected = ", ".join(values.get(column, column) for column in columns)
    return (
        f"INSERT INTO people ({', '.join(columns)}) "
        f"SELECT {selected} FROM people WHERE login = 'alice'"
    )


class Case(NamedTuple):
    """An edit of rows, who sees it, and the user of the next verify."""

    edit: str
    seen: Seen
    user: str = "alice"


CASES = {
    "deleted": Case("DELETE FROM people WHERE login = 'alice'", Seen.AUDIT),
    "inserted": Case(_mallory(), Seen.VERIFY, "mallory"),
    "inserted, of no event": Case(_mallory(event="0"), Seen.VERIFY, "mallory"),
    "rows swapped": Case(_swapped("id", "1000"), Seen.VERIFY),
    "rows swapped, the other": Case(_swapped("id", "1000"), Seen.VERIFY, "bob"),
    "uids swapped": Case(_swapped("uid", "decode(repeat('6d', 16), 'hex')"), Seen.VERIFY),
    "old row": Case(_OLD_ROW, Seen.VERIFY),
    "old row, its last events unrecorded": Case(
        f"{_OLD_ROW}; UPDATE trail SET record = NULL {_SINCE}", Seen.AUDIT
    ),
    "old row, its last events removed": Case(f"{_OLD_ROW}; DELETE FROM trail {_SINCE}", Seen.AUDIT),
    "of no event, and all removed": Case(
        f"DELETE FROM trail WHERE uid = {_ALICE}; "
        "UPDATE people SET event = 0, failed_attempts = 0 WHERE login = 'alice'",
        Seen.VERIFY,
    ),
    "newest event removed": Case(f"DELETE FROM trail WHERE number = {_HEAD}", Seen.AUDIT),
    "tail cut": Case(f"DELETE FROM trail WHERE number = {_HEAD}; {_TO_THE_END}", Seen.VERIFY),
    "old database": Case(_replaced_by("early"), Seen.VERIFY),
    "old database in a new epoch": Case(
        f"{_replaced_by('early')}; UPDATE store SET epoch = epoch + 1", Seen.AUDIT
    ),
    "events swapped": Case(
        "UPDATE trail SET number = 1005 WHERE number = 5; UPDATE trail SET number = 5 "
        "WHERE number = 6; UPDATE trail SET number = 6 WHERE number = 1005",
        Seen.AUDIT,
    ),
    "texts removed": Case("DELETE FROM texts", Seen.AUDIT),
    "text added": Case("INSERT INTO texts VALUES (3, '', 'a', 'b', 'c')", Seen.AUDIT),
    "text of no event": Case("INSERT INTO texts VALUES (999, '', 'a', 'b', 'c')", Seen.AUDIT),
    "no row of its own": Case("DELETE FROM store", Seen.VERIFY),
    "people.seal taken away": Case("UPDATE people SET seal = NULL", Seen.NOBODY),
    "trail.seal taken away": Case("UPDATE trail SET seal = NULL", Seen.NOBODY),
    "forged": Case(_FORGED, Seen.NOBODY, "lara"),
}


@pytest.mark.parametrize("name", CASES)
def test_any_edit_of_rows(scene: Scene, name: str) -> None:
    """Deleting, swapping, putting back and forging rows is seen as the table says."""
    case = CASES[name]
    assert case.seen is not Seen.NOBODY or name in UNSEEN
    assert first_to_see(scene, lambda desk: desk.sql(case.edit), case.user) is case.seen


# The schema.

_FREE = """
CREATE FUNCTION public.free() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.failed_attempts := 0; NEW.locked_since := NULL; RETURN NEW; END';
CREATE TRIGGER free BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION public.free()
"""
_NEVER_LOCKED = """
DO $do$ BEGIN
  EXECUTE replace(pg_get_functiondef('pincli._state'::regproc), '''locked''', '''active''');
END $do$
"""
_SCHEMA = {
    "trigger": _FREE,
    "no bound for the counter": "ALTER TABLE people DROP CONSTRAINT people_failed_attempts_check",
    "another function": _NEVER_LOCKED,
    "function without its owner's rights": "ALTER FUNCTION pincli.settle SECURITY INVOKER",
    "right": "GRANT SELECT (pin_check) ON people TO pincli_desk",
}


@pytest.mark.parametrize("name", _SCHEMA)
def test_any_edit_of_the_schema(scene: Scene, tmp_path: Path, name: str) -> None:
    """Only `doctor` sees it; before that, no verify says yes to a wrong PIN."""
    scene.put_back()
    desk = scene.desk.copied(tmp_path)
    assert not named_by_doctor(desk)
    desk.sql(_SCHEMA[name])
    assert named_by_doctor(desk)
    assert not named_by_audit(desk)
    with suppress(PincliError):
        assert _answer(desk, "alice", WRONG) is not Outcome.VERIFIED
    desk.database_there.drop()


# Guesses.

_REWIND = "UPDATE people SET failed_attempts = 0, locked_since = NULL WHERE login = 'alice'"
LOOPS = {
    "counter": _REWIND,
    "totals too": f"{_REWIND}; UPDATE people SET attempts_total = 0, locks_total = 0",
    "old row": _OLD_ROW,
    "old row, and the trail cut to it": (
        f"{_OLD_ROW}; DELETE FROM trail WHERE number > {_UNTIL}; {_TO_THE_END}"
    ),
    "old database": _replaced_by("early"),
    "another user's row": _swapped("id", "1000"),
    "of no event": f"{_REWIND}; UPDATE people SET event = 0 WHERE login = 'alice'",
    "a check that fits": "UPDATE people SET pin_check = attempt_answer WHERE attempt > 0",
    "a question at no cost": (
        "UPDATE people SET question = replace(question, 't=1', 't=0') WHERE login = 'alice'"
    ),
    "keys by another name": "UPDATE store SET verify_key = audit_key",
}


@pytest.mark.parametrize("name", LOOPS)
def test_no_edit_between_guesses_buys_a_seventh(scene: Scene, name: str) -> None:
    """Tampering between guesses never gives more than six answers."""
    desk = scene.put_back()
    compared = MISSES
    for turn in range(2 * SIX):
        if turn:
            desk.sql(LOOPS[name])
        with suppress(PincliError):
            outcome = _answer(desk, "alice", f"{800_000 + turn * 1117}")
            assert outcome in (Outcome.INCORRECT, Outcome.LOCKED)
            compared += outcome is Outcome.INCORRECT
    assert compared <= SIX


def test_a_trigger_buys_no_seventh_guess_either(bare: Scene, tmp_path: Path) -> None:
    """A trigger's change doesn't fit the trail, so the settle is refused."""
    bare.put_back()
    desk = bare.desk.copied(tmp_path)
    desk.sql(_FREE)
    compared = MISSES
    for _ in range(2 * SIX):
        with suppress(PincliError):
            compared += _answer(desk, "alice", WRONG) is Outcome.INCORRECT
    assert compared <= SIX
    assert named_by_audit(desk)
    desk.database_there.drop()
