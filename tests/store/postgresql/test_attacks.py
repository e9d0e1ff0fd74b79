"""A stolen desk with its login, password and verify.key runs any SQL.

It gets six answers about a user, like an honest desk, and nothing else: no seventh answer, no
secret column, no change of a counter.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, QueryCanceled

from pincli.models import Origin, User
from pincli.rules.canonical import record_digest
from pincli.store.postgresql.roles import DESK, OWNER, script, statements
from tests.store.postgresql import twin
from tests.store.postgresql.twin import RIGHT, WRONG, Call, Twin, call, user_of
from tests.support.postgresql import LOGINS, Server

Way = Callable[[psycopg.Connection, User], list[Any]]
SECRETS = {
    "blind": b"blind-blind-blin",
    "pin_proof": b"proof-proof-proof-proof-proof-pr",
    "sealed": b"sealed-sealed-sealed-sealed",
    "barred_question": "barred-question",
    "barred_check": b"barred-barred-barred-barred-barr",
    "barred_key": "barred-key",
    "barred_version": 2,
}
EVIL = Origin("evil", "verify")
HOSTILE = """
    SET client_min_messages = debug5; SET debug_print_plan = on; SET debug_print_parse = on;
    SET debug_print_rewritten = on; SET plpgsql.print_strict_params = on;
    SET plpgsql.extra_warnings = 'all'; SET bytea_output = escape; SET DateStyle = German;
    SET IntervalStyle = sql_standard; SET TimeZone = 'Pacific/Kiritimati';
    SET transform_null_equals = on; SET standard_conforming_strings = off;
    SET escape_string_warning = off; SET array_nulls = off; SET extra_float_digits = -15;
    SET enable_indexscan = off; SET plan_cache_mode = force_custom_plan;
    SET synchronous_commit = off; SET lock_timeout = 1; SET search_path = pg_temp;
    SET default_transaction_isolation = serializable; SET client_encoding = SQL_ASCII
"""


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[Twin]:
    """Make a store."""
    with closing(Twin(server.database(twin.make_store))) as store:
        # The default before PostgreSQL 15.
        store.admin.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        yield store


@pytest.fixture
def thief(store: Twin) -> Iterator[psycopg.Connection]:
    """Connect as the stolen desk."""
    with store.database.connect("desk1") as connection:
        yield connection


_ROWS = itertools.count(1)


@pytest.fixture
def user(store: Twin) -> User:
    """Add a customer with recognisable secrets."""
    (user,) = store.put([user_of(next(_ROWS), **SECRETS)])
    return user


def answers(replies: list[Any]) -> int:
    """Count the comparisons among some results."""
    return sum(word in ("verified", "incorrect") for word in replies)


def charges(store: Twin, user: User) -> int:
    """Count a user's attempts in the trail."""
    query = "SELECT count(*) FROM pincli.trail WHERE uid = %s AND kind = 'attempt'"
    ((count,),) = store.admin.execute(query, (user.uid,)).fetchall()
    return int(count)


def text_of(asked: Call, connection: psycopg.Connection) -> str:
    """Return a call as text, for statements without parameters."""
    marks = ", ".join(["%s"] * len(asked.arguments))
    cursor = psycopg.ClientCursor(connection)
    return cursor.mogrify(f"pincli.{asked.name}({marks})".encode(), asked.arguments)


@contextmanager
def undone(connection: psycopg.Connection, begin: str = "BEGIN") -> Iterator[None]:
    """Open a transaction that is rolled back; its errors are ignored."""
    connection.execute(begin.encode())
    try:
        with suppress(psycopg.Error):
            yield
    finally:
        connection.execute("ROLLBACK")


# Ways to learn the outcome of an attempt. Each returns what it learns.


def honestly(thief: psycopg.Connection, user: User) -> list[Any]:
    nonce = uuid4()
    call(thief, twin.charge(user, WRONG, nonce, by=EVIL))
    return [call(thief, twin.settle(user, nonce, EVIL)).outcome]


def committed_in_between(thief: psycopg.Connection, user: User) -> list[Any]:
    """COMMIT AND CHAIN commits the charge; undoing the settle gains nothing."""
    nonce = uuid4()
    thief.execute("BEGIN")
    call(thief, twin.charge(user, WRONG, nonce, by=EVIL))
    thief.execute("COMMIT AND CHAIN")
    word = call(thief, twin.settle(user, nonce, EVIL)).outcome
    thief.execute("ROLLBACK")
    again = call(thief, twin.settle(user, nonce, EVIL)).outcome
    assert again == word
    return [word]


def undoing(begin: str, *between: str) -> Way:
    """Charge, run some statements, settle, and undo everything."""

    def way(thief: psycopg.Connection, user: User) -> list[Any]:
        nonce, replies = uuid4(), []
        with undone(thief, begin):
            thief.execute("SAVEPOINT first")
            call(thief, twin.charge(user, WRONG, nonce, by=EVIL))
            for statement in between:
                thief.execute(statement.encode())
            replies.append(call(thief, twin.settle(user, nonce, EVIL)).outcome)
        return replies

    return way


def ended_by(*others: Callable[[User], Call]) -> Way:
    """Charge, let other calls end the attempt, read the trail, and undo everything."""

    def way(thief: psycopg.Connection, user: User) -> list[Any]:
        replies = []
        with undone(thief):
            number = call(thief, twin.charge(user, WRONG, by=EVIL)).attempt
            for other in others:
                thief.execute("SAVEPOINT here")
                try:
                    call(thief, other(user))
                except psycopg.Error:
                    thief.execute("ROLLBACK TO here")
            query = "SELECT outcome FROM pincli.trail WHERE attempt = %s"
            replies += [word for (word,) in thief.execute(query, (number,))]
            query = "SELECT failed_attempts, locked_since FROM pincli.people WHERE uid = %s"
            ((counter, locked),) = thief.execute(query, (user.uid,)).fetchall()
            assert counter == user.failed_attempts + 1
            assert locked is None
        return replies

    return way


def in_one_statement(thief: psycopg.Connection, user: User) -> list[Any]:
    nonce = uuid4()
    charging = text_of(twin.charge(user, WRONG, nonce, by=EVIL), thief)
    settling = text_of(twin.settle(user, nonce, EVIL), thief)
    replies: list[Any] = []
    for query in (
        f"SELECT ({charging}).attempt, ({settling}).outcome",
        f"WITH c AS MATERIALIZED (SELECT {charging} AS x) SELECT x, ({settling}).outcome FROM c",
        f"SELECT s.outcome FROM {charging} c, LATERAL {settling} s",
    ):
        with undone(thief):
            replies += [row[-1] for row in thief.execute(query.encode())]
    return replies


def in_a_block(thief: psycopg.Connection, user: User) -> list[Any]:
    """A block that fails, with the outcome in a setting and in the error."""
    nonce = uuid4()
    charging = text_of(twin.charge(user, WRONG, nonce, by=EVIL), thief)
    settling = text_of(twin.settle(user, nonce, EVIL), thief)
    block = f"""DO $block$ DECLARE word text; BEGIN
        PERFORM {charging};
        word := ({settling}).outcome;
        PERFORM set_config('evil.word', word, false);
        RAISE EXCEPTION 'evil: %', word;
      END $block$"""
    with pytest.raises(psycopg.Error) as failure:
        thief.execute(block.encode())
    return re.findall("evil: (.*)", str(failure.value))


def at_commit(thief: psycopg.Connection, user: User) -> list[Any]:
    """A trigger settles at the commit, and makes the commit fail."""
    nonce = uuid4()
    settling = text_of(twin.settle(user, nonce, EVIL), thief)
    trigger = f"""
        CREATE TEMP TABLE IF NOT EXISTS own (a int);
        CREATE OR REPLACE FUNCTION pg_temp.settle() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
          RAISE EXCEPTION 'evil: %', ({settling}).outcome;
        END $f$;
        DROP TRIGGER IF EXISTS late ON own;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON own DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION pg_temp.settle()"""
    thief.execute(trigger.encode())
    thief.execute("BEGIN")
    call(thief, twin.charge(user, WRONG, nonce, by=EVIL))
    thief.execute("INSERT INTO own VALUES (1)")
    with pytest.raises(psycopg.Error) as failure:
        thief.execute("COMMIT")
    return re.findall("evil: (.*)", str(failure.value))


def in_a_cursor(thief: psycopg.Connection, user: User) -> list[Any]:
    """A cursor WITH HOLD runs at the commit."""
    nonce = uuid4()
    charging = text_of(twin.charge(user, WRONG, nonce, by=EVIL), thief)
    settling = text_of(twin.settle(user, nonce, EVIL), thief)
    thief.execute("BEGIN")
    query = f"DECLARE held CURSOR WITH HOLD FOR SELECT ({charging}).attempt, ({settling}).outcome"
    thief.execute(query.encode())
    with suppress(psycopg.Error):
        thief.execute("COMMIT")
        return [row[-1] for row in thief.execute("FETCH ALL FROM held")]
    return []


def with_another_answer(thief: psycopg.Connection, user: User) -> list[Any]:
    """One charge, and other answers under its nonce."""
    nonce, replies = uuid4(), []
    for answer in (WRONG, b"x" * 32, RIGHT):
        call(thief, twin.charge(user, answer, nonce, by=EVIL))
        replies.append(call(thief, twin.settle(user, nonce, EVIL)).outcome)
    assert len(set(replies)) == 1
    return replies[:1]


def stopped_in_time(thief: psycopg.Connection, user: User) -> list[Any]:
    """Every call is cancelled after a millisecond."""
    nonce, replies = uuid4(), []
    with suppress(QueryCanceled):  # it counts for the end of this statement already
        thief.execute("SET statement_timeout = 1")
    with suppress(QueryCanceled):
        call(thief, twin.charge(user, WRONG, nonce, by=EVIL))
    with suppress(QueryCanceled):
        replies.append(call(thief, twin.settle(user, nonce, EVIL)).outcome)
    _reset_timeout(thief)
    return replies


def _reset_timeout(thief: psycopg.Connection) -> None:
    for _ in range(100):
        with suppress(QueryCanceled):
            thief.execute("RESET statement_timeout")
            return


def without_waiting_for_the_disk(thief: psycopg.Connection, user: User) -> list[Any]:
    thief.execute("SET synchronous_commit = off")
    return honestly(thief, user)


def behind_names_of_its_own(thief: psycopg.Connection, user: User) -> list[Any]:
    """Tables, functions and operators of the same names, first in the search path."""
    for name in ("people", "trail", "texts", "nonces", "store"):
        thief.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} (id int, uid bytea)".encode())
    thief.execute("""
        CREATE OR REPLACE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1';
        CREATE OR REPLACE FUNCTION public.yes(bytea, bytea) RETURNS bool LANGUAGE sql
            AS 'SELECT true';
        DROP OPERATOR IF EXISTS public.= (bytea, bytea);
        CREATE OPERATOR public.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = public.yes);
        SET search_path = pg_temp, public, pincli, pg_catalog""")
    return honestly(thief, user)


WAYS: dict[str, Way] = {
    "honestly": honestly,
    "settled, undone and settled again": committed_in_between,
    "undone": undoing("BEGIN"),
    "undone under REPEATABLE READ": undoing("BEGIN ISOLATION LEVEL REPEATABLE READ"),
    "undone under SERIALIZABLE": undoing("BEGIN ISOLATION LEVEL SERIALIZABLE"),
    "undone after a savepoint": undoing("BEGIN", "RELEASE first", "SAVEPOINT second"),
    "undone first": undoing("BEGIN", "ROLLBACK TO first"),
    "undone as the group": undoing("BEGIN", f"SET LOCAL ROLE {DESK}"),
    "ended by a second charge": ended_by(
        twin.charge, twin.record, twin.finish, twin.lock, twin.calling
    ),
    "ended by the same charge of another": ended_by(
        lambda user: twin.charge(user, b"y" * 32), lambda user: twin.record(user, ticket="x")
    ),
    "in one statement": in_one_statement,
    "in a block": in_a_block,
    "at the commit": at_commit,
    "in a cursor": in_a_cursor,
    "with another answer": with_another_answer,
    "stopped in time": stopped_in_time,
    "without waiting for the disk": without_waiting_for_the_disk,
    "behind names of its own": behind_names_of_its_own,
}
UNDONE = [name for name in WAYS if name.startswith(("undone", "ended", "in ", "at "))]


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_no_way_gives_a_seventh_answer(
    store: Twin, thief: psycopg.Connection, user: User, way: Way
) -> None:
    """Only charged answers are compared, and at most six are charged."""
    replies = list(itertools.chain.from_iterable(way(thief, store.user(user)) for _ in range(9)))
    charged = charges(store, user)
    assert answers(replies) <= charged <= 6
    now = store.user(user)
    if way in [WAYS[name] for name in UNDONE]:
        assert (answers(replies), charged, now) == (0, 0, user)
    else:
        assert now.failed_attempts == charged
    nonce = uuid4()
    call(store.desk, twin.charge(now, RIGHT, nonce))
    verified = call(store.desk, twin.settle(user, nonce)).outcome == "verified"
    assert verified == (charged < 6)


def test_the_commit_of_a_charge_waits_for_the_disk(thief: psycopg.Connection, user: User) -> None:
    """The session can't weaken synchronous_commit, but can strengthen it."""
    for said, kept in (("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"),
                       ("remote_apply", "remote_apply")):  # fmt: skip
        for asked in (twin.charge(user, by=EVIL), twin.settle(user, uuid4()), twin.record(user),
                      twin.finish(user), twin.lock(user), twin.calling(user)):  # fmt: skip
            with undone(thief):
                thief.execute(f"SET LOCAL synchronous_commit = {said}".encode())
                call(thief, asked)
                assert thief.execute("SHOW synchronous_commit").fetchone() == (kept,)


def test_an_attempt_under_an_old_snapshot(
    store: Twin, thief: psycopg.Connection, user: User
) -> None:
    """A transaction with an old snapshot fails with a serialization error."""
    for level in ("REPEATABLE READ", "SERIALIZABLE"):
        nonce = uuid4()
        with undone(thief, f"BEGIN ISOLATION LEVEL {level}"):
            thief.execute("SELECT count(*) FROM pincli.people")
            call(store.desk, twin.charge(store.user(user), WRONG, nonce))
            for asked in (twin.settle(user, nonce), twin.charge(user, RIGHT), twin.record(user)):
                thief.execute("SAVEPOINT here")
                with pytest.raises(psycopg.errors.SerializationFailure):
                    call(thief, asked)
                thief.execute("ROLLBACK TO here")


def test_a_thief_can_record_only_what_a_desk_may(
    store: Twin, thief: psycopg.Connection, user: User
) -> None:
    """Only refusals, views, and tickets for the desk's own attempts are recorded."""
    (other,) = store.put([user_of(next(_ROWS))])
    nonce, another = uuid4(), uuid4()
    own = call(thief, twin.charge(user, WRONG, nonce)).attempt
    foreign = call(store.desk, twin.charge(other, WRONG, another, by=EVIL)).attempt
    head = store.head()
    ticket = partial(twin.record, kind="ticket_added")
    for asked in (
        *(twin.record(user, kind=kind) for kind in ("unlocked", "verified", "attempt", "", None)),
        twin.record(user, kind="viewed"),
        twin.record(None, kind="viewed", ticket=None),
        twin.record(user, kind="viewed", ticket=None, attempt=own),
        twin.record(user, attempt=own),
        ticket(user, attempt=None),
        ticket(user, attempt=foreign),
        ticket(other, attempt=own),
        ticket(other, attempt=foreign),
        ticket(user, attempt=own, ticket=None),
        ticket(user, attempt=own, outcome="verified"),
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            call(thief, asked)
    assert store.head() == head
    call(thief, twin.record(user, kind="viewed", ticket=None))
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        call(thief, ticket(user, attempt=store.head().number))
    call(thief, ticket(user, attempt=own))
    assert store.head().number == head.number + 2


def test_a_lock_by_hand_needs_a_reason(store: Twin, thief: psycopg.Connection, user: User) -> None:
    """The trail says why, or there is no lock."""
    with pytest.raises(psycopg.errors.NullValueNotAllowed):
        call(thief, twin.lock(user, None))
    assert store.user(user) == user


def test_a_thief_does_not_end_notices(store: Twin, thief: psycopg.Connection, user: User) -> None:
    """Notice 0 says that locks have notices; as a delivered one it would be removed."""
    call(thief, Call("next_notice", twin.BY))
    call(thief, Call("delivered", (0, None, *twin.BY, None, None, None)))
    call(thief, twin.lock(user))
    waiting = store.admin.execute("SELECT number FROM pincli.notices ORDER BY number").fetchall()
    assert waiting == [(0,), (store.head().number,)]


def test_two_users_in_one_transaction(store: Twin, thief: psycopg.Connection, user: User) -> None:
    """A transaction has at most one charge, of any user, and ends no attempt after it."""
    other, third = store.put(user_of(next(_ROWS)) for _ in range(2))
    nonce = uuid4()
    call(thief, twin.charge(other, WRONG, nonce))
    thief.execute("BEGIN")
    call(thief, twin.charge(user))
    for asked in (twin.charge(third), twin.settle(other, nonce), twin.record(other)):
        thief.execute("SAVEPOINT here")
        with pytest.raises(psycopg.Error) as failure:
            call(thief, asked)
        assert failure.value.sqlstate == "PC001"
        thief.execute("ROLLBACK TO here")
    thief.execute("COMMIT")
    assert [charges(store, each) for each in (user, other, third)] == [1, 1, 0]


def test_another_desks_charge_is_not_settled(
    store: Twin, thief: psycopg.Connection, user: User
) -> None:
    """Neither without its nonce, nor with it, nor for another user."""
    (other,) = store.put([user_of(next(_ROWS))])
    nonce = uuid4()
    with store.database.connect("desk2") as desk:
        call(desk, twin.charge(user, RIGHT, nonce))
        assert call(thief, twin.settle(user, uuid4())).outcome is None
        reply = call(thief, twin.settle(user, nonce))
        assert reply[:5] == (None, None, None, None, None)
        assert call(thief, twin.settle(other, nonce)).outcome is None
        with pytest.raises(psycopg.Error, match="the nonce is taken"):
            call(thief, twin.charge(other, RIGHT, nonce))
        assert store.user(user).attempt is not None
        assert call(desk, twin.settle(user, nonce)).outcome == "verified"
    assert charges(store, other) == 0


def test_a_prepared_transaction(own_server: Server) -> None:
    """A prepared charge is not committed: it can't be settled before it is."""
    own_server.configure({"max_prepared_transactions": "2"})
    own_server.restart()
    with closing(Twin(own_server.database(twin.make_store))) as store:
        (user,) = store.put([user_of(1)])
        for _ in range(8):
            nonce = uuid4()
            store.desk.execute("BEGIN")
            call(store.desk, twin.charge(user, WRONG, nonce))
            store.desk.execute("PREPARE TRANSACTION 'evil'")
            store.desk.execute("SET statement_timeout = 50")
            with pytest.raises(QueryCanceled):
                call(store.desk, twin.settle(user, nonce))
            store.desk.execute("ROLLBACK PREPARED 'evil'")
            store.desk.execute("RESET statement_timeout")
            assert call(store.desk, twin.settle(user, nonce)).outcome is None
        assert store.user(user) == user


FORBIDDEN = [
    *(f"SELECT {name} FROM pincli.people" for name in (
        *SECRETS, "pin_check", "attempt_answer", "seal", "*", "people", "people::text",
        "row_to_json(people)", "count(people)", "hashtext(people::text)",
        "string_agg(pin_check, '')", "pg_column_size(sealed)",
    )),
    "SELECT 1 FROM pincli.people p WHERE p IS NOT NULL",
    "SELECT 1 FROM pincli.people WHERE pin_check > ''",
    "SELECT 1 FROM pincli.people ORDER BY pin_check",
    "SELECT 1 FROM pincli.people a JOIN pincli.people b USING (pin_check)",
    "SELECT 1 FROM pincli.people a NATURAL JOIN pincli.people b",
    "EXPLAIN SELECT 1 FROM pincli.people WHERE pin_check = ''",
    "SELECT record FROM pincli.trail",
    "SELECT * FROM pincli.trail",
    "SELECT blind FROM pincli.texts",
    "SELECT * FROM pincli.nonces",
    "SELECT xid FROM pincli.nonces",
    "SELECT 1 FROM pincli.people FOR UPDATE",
    "SELECT 1 FROM pincli.store FOR SHARE",
    "COPY pincli.people TO STDOUT",
    "COPY pincli.people (pin_check) TO STDOUT",
    "COPY (SELECT pin_proof FROM pincli.people) TO STDOUT",
    "COPY pincli.people FROM PROGRAM 'true'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "UPDATE pincli.people SET failed_attempts = 0",
    "UPDATE pincli.store SET head_number = 0",
    "UPDATE pincli.trail SET kind = 'unlocked'",
    "INSERT INTO pincli.trail (number) VALUES (1)",
    "INSERT INTO pincli.nonces SELECT gen_random_uuid(), '', 1, '1'::xid8",
    "DELETE FROM pincli.trail",
    "DELETE FROM pincli.nonces",
    "UPDATE pincli.words SET folded = ''",
    "DELETE FROM pincli.words",
    "TRUNCATE pincli.trail",
    "BEGIN; LOCK TABLE pincli.people IN ACCESS EXCLUSIVE MODE",
    "BEGIN; LOCK TABLE pincli.people IN SHARE MODE",
    "CREATE TABLE pincli.evil (a int)",
    "CREATE FUNCTION pincli.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'",
    "DROP FUNCTION pincli._written(timestamptz)",
    "ALTER FUNCTION pincli._written(timestamptz) SET search_path = pg_temp",
    "ALTER TABLE pincli.people DISABLE TRIGGER ALL",
    "CREATE TRIGGER evil AFTER UPDATE ON pincli.people EXECUTE FUNCTION pg_temp.evil()",
    "CREATE RULE evil AS ON UPDATE TO pincli.people DO INSTEAD NOTHING",
    "CREATE INDEX ON pincli.people (pin_check)",
    "CREATE STATISTICS public.evil ON pin_check, pin_proof FROM pincli.people",
    "CREATE TABLE public.own (uid bytea REFERENCES pincli.people (uid))",
    "CREATE PUBLICATION evil FOR TABLE pincli.people",
    "GRANT pincli_admin TO desk1",
    "SET ROLE pincli_admin",
    "SET ROLE pincli_owner",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "ALTER ROLE desk1 SUPERUSER",
    "ALTER SYSTEM SET fsync = off",
    "CREATE ROLE evil",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_create(0), '/tmp/evil')",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_statistic",
    "SELECT pg_switch_wal()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
]  # fmt: skip


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_desk_is_denied(thief: psycopg.Connection, statement: str) -> None:
    """It can't read a secret, write a table, or take another role."""
    with pytest.raises(InsufficientPrivilege):
        thief.execute(statement.encode())


def test_statistics_show_no_secrets(store: Twin, thief: psycopg.Connection) -> None:
    """A desk sees the planner's statistics only for columns that it may read."""
    store.put(user_of(next(_ROWS), pin_proof=b"common-proof") for _ in range(3))
    store.admin.execute("ANALYZE")
    query = "SELECT attname, tablename FROM pg_stats WHERE schemaname = 'pincli'"
    seen = {tuple(row) for row in thief.execute(query)}
    assert ("login", "people") in seen
    assert not seen & {(name, "people") for name in (*SECRETS, "pin_check", "attempt_answer")}


def test_no_other_function_may_be_called(thief: psycopg.Connection) -> None:
    """A desk may call the public functions, and none of their parts; PUBLIC may call none."""
    query = """SELECT proname, has_function_privilege('desk1', oid, 'EXECUTE'), prosecdef,
        'search_path=pincli, pg_temp' = ANY (proconfig) AND proconfig::text ~ 'lock_timeout=.*s'
        FROM pg_proc WHERE pronamespace = 'pincli'::regnamespace"""
    rows = thief.execute(query).fetchall()
    public = {"charge", "settle", "record", "finish", "lock", "call", "next_notice", "delivered"}
    for place in (1, 2, 3):
        assert {row[0] for row in rows if row[place]} == public
    owners = "SELECT DISTINCT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'pincli'::"
    assert thief.execute(f"{owners}regnamespace".encode()).fetchall() == [(OWNER,)]
    acl = "SELECT proname, proacl::text FROM pg_proc WHERE pronamespace = 'pincli'::regnamespace"
    for _, entries in thief.execute(acl):
        assert "{=" not in entries
        assert ",=" not in entries


# Settings and errors of a session.


def in_any_form(secret: bytes) -> list[str]:
    """Return the forms of a secret in a text: hexadecimal, plain, or as bytes of a plan."""
    signed = (byte - 256 if byte > 127 else byte for byte in secret)
    return [secret.hex(), secret.decode("latin-1"), " ".join(map(str, signed))]


def require_no_secret(store: Twin, user: User, *heard: str) -> None:
    """Fail if a text holds a secret of the user or of their events."""
    now = store.user(user)
    secrets = [value for value in SECRETS.values() if isinstance(value, bytes)]
    secrets += [value for value in (now.pin_check, now.attempt_answer) if value]
    secrets += [record_digest(now), record_digest(user)]
    secrets += [texts.blind for texts in store.texts().values()]
    text = " ".join(" ".join(heard).split())
    for form in itertools.chain.from_iterable(map(in_any_form, secrets)):
        assert form not in text


def test_hostile_settings(store: Twin, user: User) -> None:
    """No setting shows a secret, or changes what is written."""
    heard: list[str] = []
    with store.database.connect("desk1") as thief:
        thief.add_notice_handler(
            lambda said: heard.append(f"{said.message_primary} {said.message_detail}")
        )
        for setting in HOSTILE.split(";"):
            thief.execute(setting.encode())
        nonce = uuid4()
        call(thief, twin.charge(user, WRONG, nonce))
        call(thief, twin.settle(user, nonce))
    assert heard
    require_no_secret(store, user, *heard)
    now = store.user(user)
    (newest,) = [event for event in store.events() if event.number == now.event]
    assert newest.record == record_digest(now)
    assert (newest.kind, newest.outcome) == ("incorrect", "incorrect")


def settle_anything(user: User) -> Call:
    return twin.settle(user, uuid4())


@pytest.mark.parametrize(
    "asked",
    [twin.charge, settle_anything, twin.record, twin.finish, twin.lock, twin.calling],
    ids=["charge", "settle", "record", "finish", "lock", "call"],
)
def test_errors_show_nothing(
    store: Twin, thief: psycopg.Connection, user: User, asked: Callable[[User], Call]
) -> None:
    """Missing, too long or too large arguments neither show nor change the row."""
    nonce = uuid4()
    call(thief, twin.charge(user, WRONG, nonce))
    before = store.user(user)
    too_long = (b"", b"\x00" * 10**6, "x" * 10**6, "🔑" * 700)
    kinds: dict[type, tuple[Any, ...]] = {
        bytes: (None, *too_long[:2]),
        str: (None, "", *too_long[2:]),
        int: (None, -(2**63), 2**63 - 1),
        bool: (None,),
        UUID: (None, nonce),
        type(None): (b"", -1, 2**63 - 1),
    }
    name, arguments = asked(before)
    heard = []
    for place, value in enumerate(arguments):
        for other in kinds[type(value)]:
            thief.execute("BEGIN")
            try:
                call(thief, Call(name, [*arguments[:place], other, *arguments[place + 1 :]]))
                # A question is compared, not stored.
                assert other not in too_long or value in (None, before.question)
            except psycopg.Error as error:
                diagnosis = error.diag
                heard += [str(error), str(diagnosis.message_detail), str(diagnosis.context)]
            finally:
                thief.execute("ROLLBACK")
    assert heard
    assert "Failing row" not in " ".join(heard)
    require_no_secret(store, user, *heard)
    assert store.user(user) == before


def test_forged_marks(store: Twin, thief: psycopg.Connection, user: User) -> None:
    """A false mark can only make the call fail."""
    head = store.head()
    start = store.admin.execute("SELECT start_link FROM pincli.store").fetchone()
    fair = [(*head, 0), (None, None, None), (0, *(start or ()), 0), (-1, b"", 0)]
    fair.append((head.number + 5, b"", -1))
    forged = [
        (head.number + 1, head.link, 0),
        (head.number, b"x" * 32, 0),
        (head.number, None, 0),
        (1, b"y" * 32, 0),
        (*head, 1),
        (*head, None),
        (2**63 - 1, b"", 0),
        (-1, b"", 1),
    ]
    for asked in (twin.charge, twin.record, twin.finish, twin.lock, twin.calling):
        for seen in forged:
            with pytest.raises(psycopg.Error) as failure:
                call(thief, asked(user, seen=seen))
            assert failure.value.sqlstate == "PC002"
        for seen in fair:
            with undone(thief):
                assert call(thief, asked(user, seen=seen)).head_epoch == 0
    assert (store.user(user), store.head()) == (user, head)


def test_a_record_edited_behind_the_trail_is_refused(
    store: Twin, thief: psycopg.Connection
) -> None:
    """After any such edit nothing is charged, and nothing is returned."""
    for edit in (
        "UPDATE pincli.people SET failed_attempts = 1 WHERE uid = %s",
        "UPDATE pincli.people SET event = event - 1 WHERE uid = %s",
        "UPDATE pincli.people SET pin_check = sha256('x') WHERE uid = %s",
        "UPDATE pincli.trail SET record = sha256('x') WHERE uid = %s AND record IS NOT NULL",
        "UPDATE pincli.trail SET uid = NULL WHERE uid = %s",
        "UPDATE pincli.trail SET number = number + 1000000 WHERE uid = %s",
    ):
        (user,) = store.put([user_of(next(_ROWS))])
        store.admin.execute(edit.encode(), (user.uid,))
        for asked in (twin.charge, twin.record, twin.finish, twin.lock, twin.calling):
            with pytest.raises(psycopg.Error) as failure:
                call(thief, asked(user))
            assert failure.value.sqlstate == "PC003"
    (user,) = store.put([user_of(next(_ROWS))])
    with pytest.raises(psycopg.Error) as failure:
        call(thief, twin.charge(user._replace(uid=b"nobody-nobody-no")))
    assert failure.value.sqlstate == "PC004"


def test_events_hold_the_database_login(store: Twin, thief: psycopg.Connection, user: User) -> None:
    """The host chooses the agent's name, but not the database login."""
    thief.execute(f"SET ROLE {DESK}".encode())
    honestly(thief, user)
    events = [event for event in store.events() if event.uid == user.uid][1:]
    assert {(event.agent, event.database_login) for event in events} == {("evil", "desk1")}


def test_a_dba_without_superuser_makes_the_store(own_server: Server) -> None:
    """A login that may create roles and a schema can run the statements."""
    with own_server.postgres.connect() as postgres:
        for name in (*LOGINS, *dict.fromkeys(LOGINS.values())):
            postgres.execute(f"DROP ROLE {name}".encode())
        postgres.execute("CREATE ROLE dba LOGIN CREATEROLE")
        postgres.execute("CREATE DATABASE made OWNER dba")
    with replace(own_server.postgres, name="made").connect() as connection:
        connection.execute("SET SESSION AUTHORIZATION dba")
        connection.execute(script(statements()).encode())
        connection.execute(f"CREATE ROLE desk1 IN ROLE {DESK}".encode())
        test_no_other_function_may_be_called(connection)
