"""A SHA-256 over every event by sqlite3 and hashlib alone. Run as a script.

Each row after the link before it, as pincli chains them, but joined in the plainest way, and
compared with nothing. Usage: python hash_events.py DATABASE
"""

import hashlib
import sqlite3
import sys


def _main(database: str) -> None:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    link = b""
    for row in connection.execute("SELECT * FROM trail ORDER BY number"):
        link = hashlib.sha256(link + "|".join(map(str, row)).encode()).digest()
    print(link.hex())


_main(*sys.argv[1:])
