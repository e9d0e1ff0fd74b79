"""The floor: what one check costs with nothing around it. Run as a script, never imported.

Bare Python, argon2-cffi and sqlite3; one argon2id hash between two durable commits. It reads
the PIN as a line from standard input. Usage: python floor.py DATABASE USER
"""

import sqlite3
import sys
import time

from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type, verify_secret


def _matches(verifier: bytes, pin: bytes) -> bool:
    try:
        return verify_secret(verifier, pin, Type.ID)
    except VerifyMismatchError:
        return False


def _main(database: str, user: str) -> None:
    pin = sys.stdin.buffer.readline().rstrip(b"\r\n")
    connection = sqlite3.connect(database, isolation_level=None)
    execute = connection.execute
    execute("PRAGMA journal_mode = DELETE").fetchall()
    execute("PRAGMA synchronous = EXTRA")
    event = "INSERT INTO events (at, user, kind) VALUES (?, ?, ?)"

    execute("BEGIN IMMEDIATE")
    ((row, verifier),) = execute("SELECT id, verifier FROM users WHERE user = ?", (user,))
    execute("UPDATE users SET failed_attempts = failed_attempts + 1 WHERE id = ?", (row,))
    execute(event, (int(time.time()), user, "attempt"))
    execute("COMMIT")

    matched = _matches(verifier.encode(), pin)

    execute("BEGIN IMMEDIATE")
    if matched:
        execute("UPDATE users SET failed_attempts = 0 WHERE id = ?", (row,))
    execute(event, (int(time.time()), user, "verified" if matched else "incorrect"))
    execute("COMMIT")
    connection.close()
    print("ok" if matched else "no")


_main(*sys.argv[1:])
