"""A reset of everybody by sqlite3 alone. Run as a script.

On a store of pincli's: its PINs withdrawn and counters cleared by ranges of rows, one event a
user, without the chain; 2,000 rows a commit.
Usage: python reset_users.py DATABASE
"""

import sqlite3
import sys

CHUNK = 2000
AT = "2026-01-01T00:00:00Z"
MAC = "0" * 64


def _main(database: str) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    connection.execute("PRAGMA synchronous = EXTRA")
    ((last,),) = connection.execute("SELECT max(id) FROM users").fetchall()
    ((seq,),) = connection.execute("SELECT max(seq) FROM events").fetchall()
    for first in range(1, last + 1, CHUNK):
        rows = (first, first + CHUNK - 1)
        connection.execute("BEGIN IMMEDIATE")
        users = connection.execute(
            "SELECT user, account, pin_version FROM users "
            "WHERE id BETWEEN ? AND ? AND verifier IS NOT NULL ORDER BY id",
            rows,
        ).fetchall()
        connection.execute(
            "UPDATE users SET verifier = NULL, verify_key = NULL, sealed = NULL, "
            "portal_key = NULL, pin_set_at = NULL, pin_set_by = NULL, "
            "pin_version = pin_version + 1, failed_attempts = 0, locked_since = NULL "
            "WHERE id BETWEEN ? AND ? AND verifier IS NOT NULL",
            rows,
        )
        connection.executemany(
            "INSERT INTO events (seq, at, agent, command, kind, user, account, "
            "attempts_used, pin_version, mac) "
            "VALUES (?, ?, 'bare', 'reset', 'pin_withdrawn', ?, ?, 0, ?, ?)",
            [
                (number, AT, user, account, version + 1, MAC)
                for number, (user, account, version) in enumerate(users, start=seq + 1)
            ],
        )
        connection.execute("COMMIT")
        seq += len(users)
    connection.close()


_main(*sys.argv[1:])
