"""An import by csv and COPY alone. Run as a script.

Into an empty store that pincli made on a server, so that tables, constraints and indexes are
its own. One event a user, linked to the one before; a digest and a seal of each record, joined
in the plainest way; 2,000 users a commit.
Usage: python copy_users.py CONNINFO FILE
"""

import csv
import hashlib
import hmac
import itertools
import os
import sys

import psycopg

CHUNK = 2000
AT = "2026-01-01T00:00:00Z"
KEY = bytes(32)
PEOPLE = (
    "COPY pincli.people (id, uid, blind, account, login, display_name, type, active, added_at, "
    "pin_version, failed_attempts, locks_total, attempts_total, event, seal) FROM STDIN"
)
TRAIL = (
    "COPY pincli.trail (number, at, agent, database_login, command, kind, uid, account, counter, "
    "pin_version, record, link) FROM STDIN"
)
WORDS = "COPY pincli.words (id, folded) FROM STDIN"
EVENT = (AT, "bare", "postgres", "import", "user_added")
HEAD = "SELECT head_number, head_link FROM pincli.store FOR UPDATE"
MOVE_HEAD = "UPDATE pincli.store SET head_number = %s, head_link = %s"


def _main(conninfo: str, file: str) -> None:
    row = 0
    with (
        psycopg.connect(conninfo) as connection,
        connection.cursor() as cursor,
        open(file, encoding="utf-8", newline="") as lines,
    ):
        rows = csv.reader(lines)
        next(rows)
        while chunk := list(itertools.islice(rows, CHUNK)):
            ((number, link),) = cursor.execute(HEAD).fetchall()
            people, events, found_by = [], [], []
            for login, account, name, kind, active in chunk:
                number += 1
                row += 1
                uid, blind = os.urandom(16), os.urandom(16)
                words = (account, login, name, kind, int(active == "true"), AT)
                person = (row, uid, blind, *words, 0, 0, 0, 0, number)
                digest = hashlib.sha256("|".join(map(str, person)).encode()).digest()
                event = (number, *EVENT, uid, account, 0, 0, digest)
                link = hashlib.sha256(link + "|".join(map(str, event)).encode()).digest()
                people.append((*person, hmac.digest(KEY, digest, "sha256")))
                events.append((*event, link))
                found_by.append((row, f"{login} {name} {account}".replace("-", " ").lower()))
            tables = ((PEOPLE, people), (TRAIL, events), (WORDS, found_by))
            for statement, values in tables:
                with cursor.copy(statement) as copy:
                    for each in values:
                        copy.write_row(each)
            cursor.execute(MOVE_HEAD, (number, link))
            connection.commit()


_main(*sys.argv[1:])
