"""An import by csv and sqlite3 alone. Run as a script.

Into an empty store that pincli made, so that tables, constraints and indexes are its own.
One event a user, linked to the one before; a digest and a seal of each record, joined in the
plainest way; 2,000 users a commit.
Usage: python import_users.py DATABASE FILE
"""

import csv
import hashlib
import hmac
import itertools
import os
import sqlite3
import sys

CHUNK = 2000
AT = "2026-01-01T00:00:00Z"
KEY = bytes(32)
PERSON = (
    "INSERT INTO people (uid, blind, account, login, display_name, type, active, added_at, "
    "pin_version, failed_attempts, locks_total, attempts_total, event, seal) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?)"
)
EVENT = (
    "INSERT INTO trail (number, at, agent, command, kind, uid, account, counter, pin_version, "
    "record, link) VALUES (?, ?, 'bare', 'import', 'user_added', ?, ?, 0, 0, ?, ?)"
)
WORDS = "INSERT INTO words (folded) VALUES (?)"


def _main(database: str, file: str) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    ((number, link),) = connection.execute(
        "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1"
    ).fetchall()
    with open(file, encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        while chunk := list(itertools.islice(rows, CHUNK)):
            people, events, words = [], [], []
            for login, account, name, kind, active in chunk:
                number += 1
                uid, blind = os.urandom(16), os.urandom(16)
                person = (uid, blind, account, login, name, kind, int(active == "true"), AT, number)
                digest = hashlib.sha256("|".join(map(str, person)).encode()).digest()
                event = (number, AT, uid, account, digest)
                link = hashlib.sha256(link + "|".join(map(str, event)).encode()).digest()
                people.append((*person, hmac.digest(KEY, digest, "sha256")))
                events.append((*event, link))
                words.append((f"{login} {name} {account}".replace("-", " ").lower(),))
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(PERSON, people)
            connection.executemany(EVENT, events)
            connection.executemany(WORDS, words)
            connection.execute("COMMIT")
    connection.close()


_main(*sys.argv[1:])
