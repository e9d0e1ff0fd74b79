"""An import by csv and sqlite3 alone. Run as a script.

Into an empty store that pincli made, so that tables, constraints and indexes are its own.
One event a user, without the chain; 2,000 users a commit.
Usage: python import_users.py DATABASE FILE
"""

import csv
import itertools
import sqlite3
import sys

CHUNK = 2000
AT = "2026-01-01T00:00:00Z"
MAC = "0" * 64


def _main(database: str, file: str) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    connection.execute("PRAGMA synchronous = EXTRA")
    ((seq,),) = connection.execute("SELECT max(seq) FROM events").fetchall()
    with open(file, encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        while chunk := list(itertools.islice(rows, CHUNK)):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO users (user, account, name, type, active, added_at) "
                "VALUES (?, ?, ?, ?, ? = 'true', ?)",
                [(*row, AT) for row in chunk],
            )
            connection.executemany(
                "INSERT INTO events (seq, at, agent, command, kind, user, account, "
                "attempts_used, pin_version, mac) "
                "VALUES (?, ?, 'bare', 'import', 'user_added', ?, ?, 0, 0, ?)",
                [
                    (number, AT, row[0], row[1], MAC)
                    for number, row in enumerate(chunk, start=seq + 1)
                ],
            )
            connection.execute("COMMIT")
            seq += len(chunk)
    connection.close()


_main(*sys.argv[1:])
