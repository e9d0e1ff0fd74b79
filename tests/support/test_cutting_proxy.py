"""The proxy that delays, counts and loses answers."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.support.cutting_proxy import proxied
from tests.support.postgresql import Database

_LOST = psycopg.OperationalError


def _write_three(connection: psycopg.Connection) -> None:
    """Three transactions in one flight."""
    with connection.pipeline():
        for number in (1, 2, 3):
            connection.execute("BEGIN")
            connection.execute("INSERT INTO numbers VALUES (%s)", (number,))
            connection.execute("COMMIT")


def test_each_way_takes_the_delay_and_each_flight_is_counted(database: Database) -> None:
    """Two waits are two flights, each of two ways; a pipeline is one."""
    database.sql("CREATE TABLE numbers (number integer)")
    with proxied(database, delay=0.02) as proxy, proxy.database.connect() as connection:
        proxy.flights = 0
        begin = time.monotonic()
        connection.execute("SELECT 1")
        connection.execute("SELECT 2")
        assert time.monotonic() - begin >= 0.08
        assert proxy.flights == 2
        _write_three(connection)
        assert proxy.flights == 3
    assert database.sql("SELECT * FROM numbers") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("commit", "rest", "written"), [(1, False, [1]), (2, False, [1, 2]), (2, True, [1, 2, 3])]
)
@pytest.mark.parametrize("delay", [0, 0.005])
def test_an_answer_is_lost_and_the_commit_is_done(
    database: Database, commit: int, rest: bool, written: list[int], delay: float
) -> None:
    """The server does what it got, of three transactions in one flight; the client hears none."""
    database.sql("CREATE TABLE numbers (number integer)")
    with proxied(database, delay) as proxy:
        proxy.lose_answer(commit, rest=rest)
        with proxy.database.connect() as connection, pytest.raises(_LOST):
            _write_three(connection)
        assert proxy.lost == 1
        with proxy.database.connect() as connection:  # once only
            connection.execute("BEGIN")
            connection.execute("COMMIT")
    assert [number for (number,) in database.sql("SELECT * FROM numbers")] == written


def test_a_single_commit_is_done_and_its_answer_lost(database: Database) -> None:
    """The same for a COMMIT that is sent by itself."""
    database.sql("CREATE TABLE numbers (number integer)")
    with proxied(database) as proxy, proxy.database.connect() as connection:
        proxy.lose_answer(rest=False)
        connection.execute("BEGIN")
        connection.execute("INSERT INTO numbers VALUES (1)")
        with pytest.raises(_LOST):
            connection.execute("COMMIT")
    assert database.sql("SELECT * FROM numbers") == [(1,)]


def test_every_open_connection_can_be_cut(database: Database) -> None:
    """The next statement fails, and the next connection works."""
    with proxied(database) as proxy:
        with proxy.database.connect() as connection:
            proxy.cut()
            with pytest.raises(_LOST):
                connection.execute("SELECT pg_sleep(10)")
        proxy.database.connect().close()
