"""A reset of everybody by sqlite3 alone. Run as a script.

On a store of pincli's: its PINs withdrawn and barred by ranges of rows, one event a user,
linked to the one before; a digest and a seal of each record, joined in the plainest way;
2,000 rows a commit.
Usage: python reset_users.py DATABASE
"""

import hashlib
import hmac
import sqlite3
import sys

CHUNK = 2000
AT = "2026-01-01T00:00:00Z"
KEY = bytes(32)
RECORD = (
    "SELECT uid, account, pin_version, blind, login, display_name, type, active, added_at, "
    "question, pin_check, verify_key, id FROM people "
    "WHERE id BETWEEN ? AND ? AND question IS NOT NULL ORDER BY id"
)
WITHDRAWN = (
    "UPDATE people SET barred_question = question, barred_check = pin_check, "
    "barred_key = verify_key, barred_version = pin_version, question = NULL, pin_check = NULL, "
    "pin_proof = NULL, verify_key = NULL, sealed = NULL, portal_key = NULL, pin_set_at = NULL, "
    "pin_set_by = NULL, pin_version = pin_version + 1, event = ?, seal = ? WHERE id = ?"
)
EVENT = (
    "INSERT INTO trail (number, at, agent, command, kind, uid, account, counter, pin_version, "
    "record, link) VALUES (?, ?, 'bare', 'reset', 'pin_withdrawn', ?, ?, 0, ?, ?, ?)"
)


def _main(database: str) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    ((last,),) = connection.execute("SELECT max(id) FROM people").fetchall()
    ((number, link),) = connection.execute(
        "SELECT number, link FROM trail ORDER BY number DESC LIMIT 1"
    ).fetchall()
    for first in range(1, last + 1, CHUNK):
        connection.execute("BEGIN IMMEDIATE")
        found = connection.execute(RECORD, (first, first + CHUNK - 1)).fetchall()
        people, events = [], []
        for uid, account, version, *rest, row in found:
            number += 1
            person = (uid, account, version + 1, *rest, number)
            digest = hashlib.sha256("|".join(map(str, person)).encode()).digest()
            event = (number, AT, uid, account, version + 1, digest)
            link = hashlib.sha256(link + "|".join(map(str, event)).encode()).digest()
            people.append((number, hmac.digest(KEY, digest, "sha256"), row))
            events.append((*event, link))
        connection.executemany(WITHDRAWN, people)
        connection.executemany(EVENT, events)
        connection.execute("COMMIT")
    connection.close()


_main(*sys.argv[1:])
