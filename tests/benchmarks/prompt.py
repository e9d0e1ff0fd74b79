"""The hash alone, behind a prompt: warmed, then from Enter to the answer. Run as a script.

With a database, the hash comes between the two durable commits of floor.py; with one on a
server, named as psycopg takes it, both come after the hash, in one round trip. With --again it
asks for ever.
Usage: python prompt.py [--again] VERIFIER [DATABASE]
"""

import sqlite3
import sys
import termios
from collections.abc import Callable
from functools import partial
from typing import Any

from argon2.low_level import Type, verify_secret

Work = Callable[[], None]


def _ask() -> bytes:
    before = termios.tcgetattr(0)
    hidden = list(before)
    hidden[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSAFLUSH, hidden)
    print("PIN: ", end="", flush=True)
    line = sys.stdin.buffer.readline()
    termios.tcsetattr(0, termios.TCSAFLUSH, before)
    return line.rstrip(b"\r\n")


def _commit(connection: sqlite3.Connection, change: str, kind: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"UPDATE users SET failed_attempts = {change} WHERE id = 1")  # noqa: S608
    connection.execute("INSERT INTO events (at, user, kind) VALUES (0, 'caller', ?)", (kind,))
    connection.execute("COMMIT")


def _fly(connection: Any) -> None:
    """Both transactions at once, and one wait for both answers."""
    with connection.pipeline():
        for change, kind in (("failed_attempts + 1", "attempt"), ("0", "verified")):
            connection.execute("BEGIN")
            connection.execute(f"UPDATE users SET failed_attempts = {change} WHERE id = 1")  # noqa: S608
            connection.execute(
                "INSERT INTO events (at, name, kind) VALUES (0, 'caller', %s)", (kind,)
            )
            connection.execute("COMMIT")


def _nothing() -> None:
    pass


def _answer(hashed: bytes, before: Work, after: Work) -> None:
    pin = _ask()
    before()
    verify_secret(hashed, pin, Type.ID)
    after()
    print("ok", flush=True)


def _main(verifier: str, database: str | None = None, *, again: bool = False) -> None:
    before: Work = _nothing
    after: Work = _nothing
    if database is not None and "=" in database:
        import psycopg

        server = psycopg.connect(database, autocommit=True)
        server.execute("SELECT * FROM users").fetchall()
        after = partial(_fly, server)
    elif database is not None:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("SELECT * FROM users").fetchall()
        before = partial(_commit, connection, "failed_attempts + 1", "attempt")
        after = partial(_commit, connection, "0", "verified")
    hashed = verifier.encode()
    verify_secret(hashed, b"444159", Type.ID)
    _answer(hashed, before, after)
    while again:
        _answer(hashed, before, after)


if sys.argv[1] == "--again":
    _main(*sys.argv[2:], again=True)
else:
    _main(*sys.argv[1:])
