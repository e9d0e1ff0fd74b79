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


def test_delays_and_flights(database: Database) -> None:
    """A statement is one flight, and so is a pipeline; each way takes the delay."""
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
def test_an_answer_is_lost_after_its_commit(
    database: Database, commit: int, rest: bool, written: list[int], delay: float
) -> None:
    """The server commits what it has received, and the client gets no answer."""
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


def test_the_answer_to_a_single_commit_is_lost(database: Database) -> None:
    """A COMMIT sent alone is done, and its answer lost."""
    database.sql("CREATE TABLE numbers (number integer)")
    with proxied(database) as proxy, proxy.database.connect() as connection:
        proxy.lose_answer(rest=False)
        connection.execute("BEGIN")
        connection.execute("INSERT INTO numbers VALUES (1)")
        with pytest.raises(_LOST):
            connection.execute("COMMIT")
    assert database.sql("SELECT * FROM numbers") == [(1,)]


def test_open_connections_are_cut(database: Database) -> None:
    """After a cut the statement fails, and a new connection works."""
    with proxied(database) as proxy:
        with proxy.database.connect() as connection:
            proxy.cut()
            with pytest.raises(_LOST):
                connection.execute("SELECT pg_sleep(10)")
        proxy.database.connect().close()
