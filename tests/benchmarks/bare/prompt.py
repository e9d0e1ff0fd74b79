"""The hash alone, behind a prompt: warmed, then from Enter to the answer. Run as a script.

With a database, the hash stands between the two durable commits of floor.py. With --again
it asks for ever.
Usage: python prompt.py [--again] VERIFIER [DATABASE]
"""

import sqlite3
import sys
import termios

from argon2.low_level import Type, verify_secret


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


def _answer(hashed: bytes, connection: sqlite3.Connection | None) -> None:
    pin = _ask()
    if connection is not None:
        _commit(connection, "failed_attempts + 1", "attempt")
    verify_secret(hashed, pin, Type.ID)
    if connection is not None:
        _commit(connection, "0", "verified")
    print("ok", flush=True)


def _main(verifier: str, database: str | None = None, *, again: bool = False) -> None:
    connection = None
    if database is not None:
        connection = sqlite3.connect(database, isolation_level=None)
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("SELECT * FROM users").fetchall()
    hashed = verifier.encode()
    verify_secret(hashed, b"444159", Type.ID)
    _answer(hashed, connection)
    while again:
        _answer(hashed, connection)


if sys.argv[1] == "--again":
    _main(*sys.argv[2:], again=True)
else:
    _main(*sys.argv[1:])
